"""The same network behind FastAPI, uvicorn and PyTorch, as their documentation puts them together.

uvicorn --app-dir bench/serve fastapi_peer:app --port 8602 --workers 1 --log-level warning
"""

from typing import List

import torch
from fastapi import FastAPI
from pydantic import BaseModel

torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(784, 90), torch.nn.ReLU(), torch.nn.Linear(90, 10), torch.nn.Softmax(dim=1))
model.eval()
app = FastAPI()


class Rows(BaseModel):
    instances: List[List[float]]


@app.post("/predict")
def predict(rows: Rows):
    with torch.inference_mode():
        return {"predictions": model(torch.tensor(rows.instances)).tolist()}
