import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

# Pictures of 12 x 12 pixels: noise, and in it a stripe, which lies (label 0) or stands (label 1).
labels = torch.randint(2, (1000,))
stripes = nn.functional.one_hot(torch.randint(12, (1000,)), 12).float()
stands = labels.reshape(-1, 1, 1) == 1
pictures = torch.where(stands, stripes.unsqueeze(1), stripes.unsqueeze(2)) + 0.5 * torch.randn(1000, 12, 12)
training, test = random_split(TensorDataset(pictures.unsqueeze(1), labels), [0.8, 0.2])

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(16 * 3 * 3, 2))
adam = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(20):
    for inputs, targets in DataLoader(training, batch_size=50, shuffle=True):
        loss = nn.functional.cross_entropy(model(inputs), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
model.eval()
inputs, targets = test[:]
with torch.no_grad():
    right = (model(inputs).argmax(1) == targets).double().mean()
print("right:", right.item())
