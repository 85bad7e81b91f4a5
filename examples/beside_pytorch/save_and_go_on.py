import torch
from torch import nn


class Training:
    def __init__(self):
        self.generator = torch.Generator().manual_seed(1)
        torch.manual_seed(1)
        self.model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
        self.adam = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.step = 0

    def train_until(self, last):
        while self.step < last:
            x = torch.randn(64, 8, generator=self.generator)
            loss = nn.functional.mse_loss(self.model(x), x.square().sum(1, keepdim=True))
            self.adam.zero_grad()
            loss.backward()
            self.adam.step()
            self.step += 1
        return loss.item()

    def save(self, path):
        torch.save({"model": self.model.state_dict(), "adam": self.adam.state_dict(), "step": self.step,
                    "generator": self.generator.get_state()}, path)

    def load(self, path):
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        self.step = state["step"]
        self.generator.set_state(state["generator"])


stopped, resumed, whole = Training(), Training(), Training()
stopped.train_until(200)
stopped.save("run.pt")
resumed.load("run.pt")
print("the same:", int(resumed.train_until(400) == whole.train_until(400)))
