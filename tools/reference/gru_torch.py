#!/usr/bin/env python3
"""The reference that `tools/bench train` runs beside our own training and scoring.

    gru_torch.py FILE    (needs torch; onnx and onnxruntime for the scoring step)

FILE holds encoded sessions as TrainBench writes them. Every line on standard input is a command, answered by one line:

    train HIDDEN THREADS MODE    one epoch, MODE eager or compile: seconds, processor seconds
    step HIDDEN                  3,000 scoring steps, one event at a time in ONNX Runtime: seconds, processor seconds

The same model (GRU and linear head, one logit a step, every session weighing 1/length), single precision, AdamW,
clipped gradient, averaged weights, batches of 256 sessions of like length. In the reference's favour, its
batches stand ready as dense padded tensors before the clock runs.
"""
import os
import struct
import sys
import time

# Where others share the processors, threads that spin while they wait starve each other: 2 threads are then ten times
# slower than 1. Set it to ACTIVE on a machine of your own.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

BATCH = 256


def read(path):
    with open(path, "rb") as file:
        sessions, events, rows, one_hots, numbers, number_row = struct.unpack("<6q", file.read(48))
        lengths = np.frombuffer(file.read(4 * sessions), dtype=np.int32)
        labels = np.frombuffer(file.read(sessions), dtype=np.uint8)
        hot = np.frombuffer(file.read(2 * one_hots * events), dtype=np.uint16).reshape(events, one_hots)
        values = np.frombuffer(file.read(4 * numbers * events), dtype=np.float32).reshape(events, numbers)
    inputs = np.zeros((events, rows), dtype=np.float32)
    inputs[np.arange(events)[:, None], hot] = 1
    inputs[:, number_row:number_row + numbers] = values
    return inputs, lengths, labels


def batches(inputs, lengths, labels):
    starts = np.concatenate([[0], np.cumsum(lengths)])
    order = np.argsort(-lengths, kind="stable")
    result = []
    for first in range(0, len(order), BATCH):
        members = order[first:first + BATCH]
        longest = lengths[members[0]]
        x = np.zeros((longest, len(members), inputs.shape[1]), dtype=np.float32)
        weight = np.zeros((longest, len(members)), dtype=np.float32)
        for place, session in enumerate(members):
            length = lengths[session]
            x[:length, place] = inputs[starts[session]:starts[session] + length]
            weight[:length, place] = 1.0 / length / BATCH
        label = np.broadcast_to(labels[members].astype(np.float32), weight.shape).copy()
        result.append(tuple(map(torch.from_numpy, (x, label, weight))))
    np.random.default_rng(1).shuffle(result)
    return result


class Model(torch.nn.Module):
    def __init__(self, rows, hidden):
        super().__init__()
        self.gru = torch.nn.GRU(rows, hidden)
        self.head = torch.nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.gru(x)[0]).squeeze(-1)


class Training:
    def __init__(self, rows, hidden, mode):
        torch.manual_seed(1)
        self.model = Model(rows, hidden)
        self.forward = torch.compile(self.model, dynamic=True) if mode == "compile" else self.model
        self.parameters = list(self.model.parameters())
        self.averaged = [p.detach().clone() for p in self.parameters]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=0.001, weight_decay=0.0, fused=True)

    def step(self, x, label, weight):
        logits = self.forward(x)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, label, weight=weight, reduction="sum")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averaged, self.parameters, 0.01)


def session_of(rows, hidden):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(1)

    def weights(name, *shape):
        return numpy_helper.from_array((random.standard_normal(shape) * 0.1).astype(np.float32), name)

    graph = helper.make_graph(
        [
            helper.make_node(
                "GRU", ["x", "w", "r", "b", "", "h"], ["y", "after"], hidden_size=hidden, linear_before_reset=1),
            helper.make_node("Reshape", ["after", "shape"], ["flat"]),
            helper.make_node("Gemm", ["flat", "head", "bias"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["score"]),
        ],
        "step",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, rows]),
            helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, 1, hidden]),
        ],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1]),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [1, 1, hidden]),
        ],
        [
            weights("w", 1, 3 * hidden, rows), weights("r", 1, 3 * hidden, hidden), weights("b", 1, 6 * hidden),
            weights("head", hidden, 1), weights("bias", 1),
            numpy_helper.from_array(np.array([1, hidden], dtype=np.int64), "shape"),
        ])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main():
    inputs, lengths, labels = read(sys.argv[1])
    ready = batches(inputs, lengths, labels)
    rows = inputs.shape[1]
    trainings, sessions = {}, {}
    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        command, hidden, *rest = line.split()
        hidden = int(hidden)
        try:
            if command == "train":
                torch.set_num_threads(int(rest[0]))
                key = (hidden, *rest)
                if key not in trainings:
                    trainings[key] = Training(rows, hidden, rest[1])
                    for batch in ready[:40]:
                        trainings[key].step(*batch)
                began, cpu = time.perf_counter(), time.process_time()
                for batch in ready:
                    trainings[key].step(*batch)
            else:
                if hidden not in sessions:
                    sessions[hidden] = session_of(rows, hidden)
                state = np.zeros((1, 1, hidden), dtype=np.float32)
                steps = [inputs[i].reshape(1, 1, rows) for i in range(3_000)]
                began, cpu = time.perf_counter(), time.process_time()
                for x in steps:
                    _, state = sessions[hidden].run(None, {"x": x, "h": state})
            print(time.perf_counter() - began, time.process_time() - cpu, flush=True)
        except Exception as error:  # a mode that does not work here is an answer, too
            print("failed", type(error).__name__, str(error).splitlines()[0] if str(error) else "", flush=True)


if __name__ == "__main__":
    main()
