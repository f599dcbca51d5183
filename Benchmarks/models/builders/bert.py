"""A BERT encoder (Devlin et al. 2018) as plain modules: learned positions, exact GELU, LayerNorm after each block."""

import math

import torch
from torch import nn


class Attention(nn.Module):
    """Self-attention over all tokens, written out as products and a softmax."""

    def __init__(self, width, heads, tokens):
        super().__init__()
        self.heads, self.size, self.tokens = heads, width // heads, tokens
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def split(self, x):
        return x.view(-1, self.tokens, self.heads, self.size).permute(0, 2, 1, 3)

    def forward(self, x):
        query, key, value = (self.split(f(x)) for f in (self.query, self.key, self.value))
        scores = torch.matmul(query, key.transpose(-1, -2)) / math.sqrt(self.size)
        mixed = torch.matmul(torch.softmax(scores, -1), value).permute(0, 2, 1, 3)
        return self.output(mixed.reshape(-1, self.tokens, self.heads * self.size))


class Layer(nn.Module):
    def __init__(self, width, heads, inner, tokens):
        super().__init__()
        self.attention = Attention(width, heads, tokens)
        self.expand, self.shrink = nn.Linear(width, inner), nn.Linear(inner, width)
        self.first, self.second = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x):
        x = self.first(x + self.attention(x))
        return self.second(x + self.shrink(nn.functional.gelu(self.expand(x))))


class BertEncoder(nn.Module):
    """From token numbers to hidden states; weights random, LayerNorm's scales and shifts non-trivial."""

    def __init__(self, layers=6, width=384, heads=12, inner=1536, vocabulary=30522, tokens=128, positions=512):
        super().__init__()
        self.vocabulary, self.tokens, self.width = vocabulary, tokens, width
        self.words, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, heads, inner, tokens) for _ in range(layers))
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                nn.init.uniform_(module.weight, 0.8, 1.2)
                nn.init.normal_(module.bias, 0, 0.1)
            elif isinstance(module, nn.Linear):
                # Wider than BERT's 0.02, so that attention is not uniform.
                nn.init.normal_(module.weight, 0, 1 / math.sqrt(module.in_features))
                nn.init.normal_(module.bias, 0, 0.02)

    def forward(self, tokens):
        x = self.norm(self.words(tokens) + self.positions.weight[:self.tokens])
        for layer in self.layers:
            x = layer(x)
        return x
