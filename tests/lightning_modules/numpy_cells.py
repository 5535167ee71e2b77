"""Recurrent cells as their equations say, with back-propagation through time by hand: slow and obvious.

Weights follow torch's layout: `weight_ih` (gates * H, D), `weight_hh` (gates * H, H), a bias for each.
Each function reads one sequence x (T, D) and returns its states (T, H), and for the gradient of
sum(states * grad_output) the gradients of x and of every weight.
"""

from __future__ import annotations

import numpy as np


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def elman(x, w, grad_output, nonlinearity="tanh"):
    """h' = f(W x + b_ih + U h + b_hh)."""
    steps, size = len(x), w["weight_hh"].shape[1]
    h = np.zeros((steps + 1, size))
    a = np.zeros((steps, size))
    for t in range(steps):
        a[t] = w["weight_ih"] @ x[t] + w["bias_ih"] + w["weight_hh"] @ h[t] + w["bias_hh"]
        h[t + 1] = np.tanh(a[t]) if nonlinearity == "tanh" else np.maximum(a[t], 0)
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    dx, dh = np.zeros_like(x), np.zeros(size)
    for t in reversed(range(steps)):
        dh = dh + grad_output[t]
        da = dh * (1 - h[t + 1] ** 2 if nonlinearity == "tanh" else (a[t] > 0))
        grads["weight_ih"] += np.outer(da, x[t])
        grads["weight_hh"] += np.outer(da, h[t])
        grads["bias_ih"] += da
        grads["bias_hh"] += da
        dx[t] = w["weight_ih"].T @ da
        dh = w["weight_hh"].T @ da
    return h[1:], dx, grads


def lstm(x, w, grad_output):
    """i, f, o = sigmoid(.), g = tanh(.), c' = f c + i g, h' = o tanh(c'); torch's order of gates is i, f, g, o."""
    steps, size = len(x), w["weight_hh"].shape[1]
    h, c = np.zeros((steps + 1, size)), np.zeros((steps + 1, size))
    gates = []
    for t in range(steps):
        a = w["weight_ih"] @ x[t] + w["bias_ih"] + w["weight_hh"] @ h[t] + w["bias_hh"]
        i, f, o = sigmoid(a[:size]), sigmoid(a[size : 2 * size]), sigmoid(a[3 * size :])
        g = np.tanh(a[2 * size : 3 * size])
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
        gates.append((i, f, g, o))
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    dx, dh, dc = np.zeros_like(x), np.zeros(size), np.zeros(size)
    for t in reversed(range(steps)):
        i, f, g, o = gates[t]
        dh = dh + grad_output[t]
        tanh_c = np.tanh(c[t + 1])
        dc = dc + dh * o * (1 - tanh_c**2)
        da = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * c[t] * f * (1 - f),
                dc * i * (1 - g**2),
                dh * tanh_c * o * (1 - o),
            ]
        )
        grads["weight_ih"] += np.outer(da, x[t])
        grads["weight_hh"] += np.outer(da, h[t])
        grads["bias_ih"] += da
        grads["bias_hh"] += da
        dx[t] = w["weight_ih"].T @ da
        dh = w["weight_hh"].T @ da
        dc = dc * f
    return h[1:], dx, grads


def peephole_lstm(x, w, grad_output):
    """LSTM whose gates see the cell: P c before (input, forget) or P c' after (output) the cell's step.

    `peephole_*` is a matrix, or a vector for its diagonal.
    """
    steps, size = len(x), w["weight_hh"].shape[1]
    diagonal = w["peephole_input"].ndim == 1
    p = {
        name: np.diag(w[f"peephole_{name}"]) if diagonal else w[f"peephole_{name}"]
        for name in ("input", "forget", "output")
    }
    h, c = np.zeros((steps + 1, size)), np.zeros((steps + 1, size))
    gates = []
    for t in range(steps):
        a = w["weight_ih"] @ x[t] + w["bias_ih"] + w["weight_hh"] @ h[t] + w["bias_hh"]
        i = sigmoid(a[:size] + p["input"] @ c[t])
        f = sigmoid(a[size : 2 * size] + p["forget"] @ c[t])
        g = np.tanh(a[2 * size : 3 * size])
        c[t + 1] = f * c[t] + i * g
        o = sigmoid(a[3 * size :] + p["output"] @ c[t + 1])
        h[t + 1] = o * np.tanh(c[t + 1])
        gates.append((i, f, g, o))
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    of_p = {name: np.zeros((size, size)) for name in p}
    dx, dh, dc = np.zeros_like(x), np.zeros(size), np.zeros(size)
    for t in reversed(range(steps)):
        i, f, g, o = gates[t]
        dh = dh + grad_output[t]
        tanh_c = np.tanh(c[t + 1])
        do = dh * tanh_c * o * (1 - o)
        dc = dc + dh * o * (1 - tanh_c**2) + p["output"].T @ do
        di, df, dg = dc * g * i * (1 - i), dc * c[t] * f * (1 - f), dc * i * (1 - g**2)
        da = np.concatenate([di, df, dg, do])
        grads["weight_ih"] += np.outer(da, x[t])
        grads["weight_hh"] += np.outer(da, h[t])
        grads["bias_ih"] += da
        grads["bias_hh"] += da
        of_p["input"] += np.outer(di, c[t])
        of_p["forget"] += np.outer(df, c[t])
        of_p["output"] += np.outer(do, c[t + 1])
        dx[t] = w["weight_ih"].T @ da
        dh = w["weight_hh"].T @ da
        dc = dc * f + p["input"].T @ di + p["forget"].T @ df
    for name, grad in of_p.items():
        grads[f"peephole_{name}"] = np.diag(grad).copy() if diagonal else grad
    return h[1:], dx, grads


def gru(x, w, grad_output):
    """r, z = sigmoid(.), n = tanh(W x + b + r (U h + b)), h' = (1 - z) n + z h; torch's order is r, z, n."""
    steps, size = len(x), w["weight_hh"].shape[1]
    h = np.zeros((steps + 1, size))
    gates = []
    for t in range(steps):
        of_x = w["weight_ih"] @ x[t] + w["bias_ih"]
        of_h = w["weight_hh"] @ h[t] + w["bias_hh"]
        r = sigmoid(of_x[:size] + of_h[:size])
        z = sigmoid(of_x[size : 2 * size] + of_h[size : 2 * size])
        n = np.tanh(of_x[2 * size :] + r * of_h[2 * size :])
        h[t + 1] = (1 - z) * n + z * h[t]
        gates.append((r, z, n, of_h[2 * size :]))
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    dx, dh = np.zeros_like(x), np.zeros(size)
    for t in reversed(range(steps)):
        r, z, n, m = gates[t]
        dh = dh + grad_output[t]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h[t] - n) * z * (1 - z)
        dr = dn * m * r * (1 - r)
        of_x = np.concatenate([dr, dz, dn])
        of_h = np.concatenate([dr, dz, dn * r])
        grads["weight_ih"] += np.outer(of_x, x[t])
        grads["weight_hh"] += np.outer(of_h, h[t])
        grads["bias_ih"] += of_x
        grads["bias_hh"] += of_h
        dx[t] = w["weight_ih"].T @ of_x
        dh = dh * z + w["weight_hh"].T @ of_h
    return h[1:], dx, grads


def norm(a):
    """Layer norm of a vector without gain and bias, and the gradient of `a` for that of the result."""
    deviation = np.sqrt(a.var() + 1e-5)
    y = (a - a.mean()) / deviation
    return y, lambda dy: (dy - dy.mean() - y * (dy * y).mean()) / deviation


def layer_norm_lstm(x, w, grad_output):
    """(i, f, g, o) = norm(W x) a_x + norm(U h) a_h + b, c' = f c + i g, h' = o tanh(norm(c') a_c + b_c)."""
    steps, size = len(x), w["weight_hh"].shape[1]
    h, c = np.zeros((steps + 1, size)), np.zeros((steps + 1, size))
    kept = []
    for t in range(steps):
        of_x, of_h = norm(w["weight_ih"] @ x[t]), norm(w["weight_hh"] @ h[t])
        a = of_x[0] * w["input_gain"] + of_h[0] * w["state_gain"] + w["bias_ih"]
        i, f, o = sigmoid(a[:size]), sigmoid(a[size : 2 * size]), sigmoid(a[3 * size :])
        g = np.tanh(a[2 * size : 3 * size])
        c[t + 1] = f * c[t] + i * g
        of_c = norm(c[t + 1])
        m = np.tanh(of_c[0] * w["cell_gain"] + w["cell_bias"])
        h[t + 1] = o * m
        kept.append((i, f, g, o, m, of_x, of_h, of_c))
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    dx, dh, dc = np.zeros_like(x), np.zeros(size), np.zeros(size)
    for t in reversed(range(steps)):
        i, f, g, o, m, of_x, of_h, of_c = kept[t]
        dh = dh + grad_output[t]
        dm = dh * o * (1 - m**2)
        grads["cell_gain"] += dm * of_c[0]
        grads["cell_bias"] += dm
        dc = dc + of_c[1](dm * w["cell_gain"])
        da = np.concatenate([dc * g * i * (1 - i), dc * c[t] * f * (1 - f), dc * i * (1 - g**2), dh * m * o * (1 - o)])
        grads["bias_ih"] += da
        grads["input_gain"] += da * of_x[0]
        grads["state_gain"] += da * of_h[0]
        into_x, into_h = of_x[1](da * w["input_gain"]), of_h[1](da * w["state_gain"])
        grads["weight_ih"] += np.outer(into_x, x[t])
        grads["weight_hh"] += np.outer(into_h, h[t])
        dx[t] = w["weight_ih"].T @ into_x
        dh = w["weight_hh"].T @ into_h
        dc = dc * f
    return h[1:], dx, grads


def layer_norm_gru(x, w, grad_output):
    """As `gru`, with norm(W x) a_x for W x and norm(U h) a_h for U h; r and z are normed as one, n by itself."""
    steps, size = len(x), w["weight_hh"].shape[1]
    early, late = slice(2 * size), slice(2 * size, None)
    h = np.zeros((steps + 1, size))
    kept = []
    for t in range(steps):
        of_x = [norm(w["weight_ih"][part] @ x[t]) for part in (early, late)]
        of_h = [norm(w["weight_hh"][part] @ h[t]) for part in (early, late)]
        from_x = np.concatenate([n for n, _ in of_x]) * w["input_gain"] + w["bias_ih"]
        from_h = np.concatenate([n for n, _ in of_h]) * w["state_gain"]
        from_h[late] += w["bias_hh"]
        r, z = sigmoid(from_x[:size] + from_h[:size]), sigmoid((from_x + from_h)[size : 2 * size])
        n = np.tanh(from_x[late] + r * from_h[late])
        h[t + 1] = (1 - z) * n + z * h[t]
        kept.append((r, z, n, from_h[late], of_x, of_h))
    grads = {name: np.zeros_like(value) for name, value in w.items()}
    dx, dh = np.zeros_like(x), np.zeros(size)
    for t in reversed(range(steps)):
        r, z, n, m, of_x, of_h = kept[t]
        dh = dh + grad_output[t]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h[t] - n) * z * (1 - z)
        dr = dn * m * r * (1 - r)
        da = {"x": np.concatenate([dr, dz, dn]), "h": np.concatenate([dr, dz, dn * r])}
        grads["bias_ih"] += da["x"]
        grads["bias_hh"] += dn * r
        grads["input_gain"] += da["x"] * np.concatenate([y for y, _ in of_x])
        grads["state_gain"] += da["h"] * np.concatenate([y for y, _ in of_h])
        into_x = [of_x[i][1]((da["x"] * w["input_gain"])[part]) for i, part in enumerate((early, late))]
        into_h = [of_h[i][1]((da["h"] * w["state_gain"])[part]) for i, part in enumerate((early, late))]
        grads["weight_ih"] += np.outer(np.concatenate(into_x), x[t])
        grads["weight_hh"] += np.outer(np.concatenate(into_h), h[t])
        dx[t] = w["weight_ih"].T @ np.concatenate(into_x)
        dh = dh * z + w["weight_hh"].T @ np.concatenate(into_h)
    return h[1:], dx, grads


def concat(x, weight, bias, grad_output):
    """h' = W [x, h] + b; what is read is [x, h] before each step, and `grad_output` (T, D + H) pulls on that."""
    steps, size = len(x), weight.shape[0]
    h = np.zeros((steps + 1, size))
    for t in range(steps):
        h[t + 1] = weight @ np.concatenate([x[t], h[t]]) + bias
    read = np.concatenate([x, h[:-1]], axis=1)
    grads = {"weight": np.zeros_like(weight), "bias": np.zeros_like(bias)}
    dx, dh = np.zeros_like(x), np.zeros(size)
    for t in reversed(range(steps)):
        # dh is the gradient of the state after step t
        grads["weight"] += np.outer(dh, np.concatenate([x[t], h[t]]))
        grads["bias"] += dh
        back = weight.T @ dh + grad_output[t]
        dx[t], dh = back[: x.shape[1]], back[x.shape[1] :]
    return read, dx, grads
