import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# Sequences of ten numbers, two of which are marked: what is the sum of the two?
numbers = torch.rand(2000, 10)
marks = nn.functional.one_hot(torch.rand(2000, 10).topk(2).indices, 10).sum(1)
data = TensorDataset(torch.stack([numbers, marks], 2), (numbers * marks).sum(1, keepdim=True))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 32, batch_first=True)
        self.sum = nn.Linear(32, 1)

    def forward(self, x):
        outputs, state = self.gru(x)
        return self.sum(outputs[:, -1])


model = Model()
adam = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(30):
    for inputs, targets in DataLoader(data, batch_size=50, shuffle=True):
        loss = nn.functional.mse_loss(model(inputs), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
with torch.no_grad():
    error = nn.functional.l1_loss(model(data.tensors[0]), data.tensors[1])
print("mean error:", error.item())
