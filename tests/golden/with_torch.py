"""The cases of generate.py by PyTorch, where it has the same thing."""
from cases import batch_rows, cases, deviation, make_sgd, run, schedule
from network import make

TINY = 1e-30     # PyTorch puts epsilon elsewhere


def torch_optimizer(torch, o, parameters):
    """PyTorch's optimizer of the same meaning, or None."""
    kind, optim = o["class_name"], torch.optim
    common = {"lr": 1.0 if isinstance(o["learning_rate"], dict) else o["learning_rate"]}
    adam_options = dict(common, betas=(o.get("beta_1", 0), o.get("beta_2", 0)), eps=TINY)
    if kind == "SGD":
        return optim.SGD(parameters, momentum=o["momentum"], nesterov=o["nesterov"],
                         weight_decay=o.get("weight_decay", 0), **common)
    if kind == "RMSprop":
        return optim.RMSprop(parameters, alpha=o["rho"], momentum=o["momentum"], centered=o["centered"], eps=TINY, **common)
    if kind == "Adam":
        return optim.Adam(parameters, amsgrad=o.get("amsgrad", False), **adam_options)
    if kind == "AdamW":
        return optim.AdamW(parameters, amsgrad=o["amsgrad"], weight_decay=o["weight_decay"], **adam_options)
    if kind == "Adamax":
        return optim.Adamax(parameters, **adam_options)
    if kind == "Nadam" and int(torch.__version__.split(".")[0]) >= 2:     # 1.x has u_t twice in U_{t+1}
        return optim.NAdam(parameters, momentum_decay=1.0, **adam_options)
    if kind == "Adagrad":
        return optim.Adagrad(parameters, initial_accumulator_value=o["initial_accumulator_value"], eps=TINY, **common)
    if kind == "Adadelta":
        return optim.Adadelta(parameters, rho=o["rho"], eps=o["epsilon"], **common)     # the same place as Keras's
    return None


def torch_schedule(torch, rate, optimizer):
    """PyTorch's schedule of the same meaning, or None. The optimizer's rate must be the first one."""
    if not isinstance(rate, dict):
        return None
    c, schedules = rate["config"], torch.optim.lr_scheduler
    optimizer.param_groups[0]["lr"] = c.get("initial_learning_rate", 1.0)
    if rate["class_name"] == "ExponentialDecay" and c.get("staircase"):
        return schedules.StepLR(optimizer, c["decay_steps"], c["decay_rate"])
    if rate["class_name"] == "ExponentialDecay":
        return schedules.ExponentialLR(optimizer, c["decay_rate"] ** (1 / c["decay_steps"]))
    if rate["class_name"] == "PiecewiseConstantDecay":
        optimizer.param_groups[0]["lr"] = c["values"][0]
        return schedules.MultiStepLR(optimizer, [b + 1 for b in c["boundaries"]], c["values"][1] / c["values"][0])
    if rate["class_name"] == "CosineDecayRestarts" and c["t_mul"] == 2 and c["m_mul"] == 1:
        least = c["alpha"] * c["initial_learning_rate"]
        return schedules.CosineAnnealingWarmRestarts(optimizer, c["first_decay_steps"], 2, least)
    if rate["class_name"] == "OneCycle":
        return schedules.OneCycleLR(optimizer, c["max_learning_rate"], c["total_steps"], c["pct_start"],
                                    cycle_momentum=False, div_factor=c["div_factor"],
                                    final_div_factor=c["final_div_factor"])
    return None


def run_torch(torch, case):
    """Final weights by PyTorch, its own gradients included; None where it has nothing alike."""
    o = case["optimizer"]
    weights, inputs, labels = make(case["network"])
    parameters = [torch.tensor(w, requires_grad=True) for w in weights]
    optimizer = torch_optimizer(torch, o, parameters)
    if optimizer is None or o.get("use_ema") or (o["class_name"] not in ("SGD", "AdamW") and "weight_decay" in o):
        return None
    scheduler = torch_schedule(torch, o["learning_rate"], optimizer)
    if isinstance(o["learning_rate"], dict) and scheduler is None:
        return None
    x, t = torch.tensor(inputs), torch.tensor(labels)
    for step in range(case["steps"]):
        rows = batch_rows(case, step)
        y = x[rows]
        for k in range(0, len(parameters), 2):
            y = y @ parameters[k] + parameters[k + 1]
            if k + 2 < len(parameters):
                y = torch.tanh(y)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(y, t[rows]).backward()
        for p in parameters:
            if "clipnorm" in o:
                torch.nn.utils.clip_grad_norm_([p], o["clipnorm"])
        if "global_clipnorm" in o:
            torch.nn.utils.clip_grad_norm_(parameters, o["global_clipnorm"])
        if "clipvalue" in o:
            torch.nn.utils.clip_grad_value_(parameters, o["clipvalue"])
        optimizer.step()
        if scheduler:
            scheduler.step()
    return [p.detach().numpy() for p in parameters]


def check_torch():
    """Against PyTorch in double, where it has the optimizer and the schedule."""
    try:
        import torch
    except ImportError:
        print("no PyTorch here: not compared with it")
        return True
    compared, worst = [], (0.0, "")
    restarts = schedule("CosineDecayRestarts", initial_learning_rate=0.2, first_decay_steps=3, t_mul=2.0, m_mul=1.0,
                        alpha=0.05)
    further = {"name": "3-5-2 restarts as PyTorch has them", "network": "3-5-2", "hidden_activation": "tanh",
               "output_activation": "softmax", "loss": "categorical_crossentropy", "optimizer": make_sgd(restarts),
               "batch_size": 8, "steps": 20}
    for case in [*cases(), further]:
        if case["loss"] != "categorical_crossentropy" or case["hidden_activation"] != "tanh":
            continue
        o = case["optimizer"]
        if "epsilon" in o and o["class_name"] != "Adadelta":
            case = dict(case, optimizer=dict(o, epsilon=TINY))
        theirs = run_torch(torch, case)
        if theirs is None:
            continue
        if any("norm" in key for key in o):
            limit = 1e-4    # PyTorch adds 1e-6 to the length
        else:
            limit = 1e-9
        difference = max(deviation(a, b) for a, b in zip(run(case)[1], theirs))
        compared.append(case["name"])
        worst = max(worst, (difference / limit, f"{difference:.1e}: {case['name']}"))
    print(f"PyTorch {torch.__version__}: {len(compared)} cases compared, nearest to its limit {worst[1]}")
    return worst[0] < 1 and len(compared) >= 30
