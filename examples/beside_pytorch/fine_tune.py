import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def train(model, adam, data, epochs):
    for epoch in range(epochs):
        for inputs, targets in DataLoader(data, batch_size=32, shuffle=True):
            loss = nn.functional.mse_loss(model(inputs), targets)
            adam.zero_grad()
            loss.backward()
            adam.step()


x = torch.linspace(-2, 2, 256).reshape(-1, 1)
old_task, new_task = TensorDataset(x, x.abs()), TensorDataset(x, x.relu())
body = nn.Sequential(nn.Linear(1, 32), nn.Tanh())
old_model, model = nn.Sequential(body, nn.Linear(32, 1)), nn.Sequential(body, nn.Linear(32, 1))
old_adam = torch.optim.Adam(old_model.parameters(), lr=0.01)
train(old_model, old_adam, old_task, 100)

body.requires_grad_(False)
adam = torch.optim.Adam(model[1].parameters(), lr=0.01)
train(model, adam, new_task, 50)
body.requires_grad_(True)
adam.add_param_group({"params": body.parameters(), "lr": 0.001})
train(model, adam, new_task, 50)
with torch.no_grad():
    error = nn.functional.l1_loss(model(x), x.relu())
print("mean error:", error.item())
