import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.linspace(-3, 3, 256).reshape(-1, 1)
data = TensorDataset(x, torch.sin(x))
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
adam = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(100):
    for inputs, targets in DataLoader(data, batch_size=32, shuffle=True):
        loss = nn.functional.mse_loss(model(inputs), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
with torch.no_grad():
    error = (model(x) - torch.sin(x)).abs().max()
print("largest error:", error.item())
