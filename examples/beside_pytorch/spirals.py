import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

along = torch.linspace(0, 1, 100).sqrt()
labels = torch.arange(200) // 100
angle = math.pi * torch.cat([3.5 * along, 3.5 * along + 1])
radius = 0.1 + 0.9 * torch.cat([along, along])
points = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)
data = TensorDataset(points, labels)
model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))
adam = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(300):
    for inputs, targets in DataLoader(data, batch_size=50, shuffle=True):
        loss = nn.functional.cross_entropy(model(inputs), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
with torch.no_grad():
    right = (model(points).argmax(1) == labels).double().mean()
print("right:", right.item())
