"""Train a reader of handwritten digits: python examples/digits.py --device cuda (the network is in anygrad/_digits.py)."""

import argparse

from anygrad import DeviceError
from anygrad._digits import train

parser = argparse.ArgumentParser(description="Train a reader of handwritten digits on a CPU or a GPU.")
parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: %(default)s)")
parser.add_argument("--epochs", type=int, default=20, help="default: %(default)s")
parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
options = parser.parse_args()
try:
    loss, accuracy = train(options.device, options.epochs, options.seed)
except (DeviceError, ImportError, ValueError) as error:
    raise SystemExit(f"{parser.prog}: {error}") from error
print(f"loss {loss:.3f}, test accuracy {accuracy:.1%}")
