# make setup   a virtual environment in .venv with the locked versions
# make demo    four architectures on surnames beside what they have to beat, in a few minutes
# make test    everything that can be checked on this machine
# make lint    ruff and mypy
# make lock    look up the newest versions that pyproject.toml allows, and check them for each Python
#
# make test PYTHON=python3.12 makes another Python's environment, in a clean clone.

PYTHON ?= python3
BIN := .venv/bin
EXTRAS := baselines,search,slurm,export,mlflow,test,lint
# all but ray, whose launcher holds others back
LOCKED := $(addprefix --extra ,baselines holidays export mlflow wandb search slurm databases benchmarks test lint)
PYTHONS := 3.11 3.12 3.13

.PHONY: setup demo test lint lock check-lock
.DELETE_ON_ERROR:

setup: .venv/installed

.venv/installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

demo: setup
	$(BIN)/python scripts/train.py -m datamodule=names module=rnn,lstm,gru,transformer,baselines trainer.max_epochs=8 name=demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(BIN)/uv
	echo "# Every version that 'make setup' installs; made by 'make lock'.  (CUDA libraries follow from torch's own version.)" \
		> .ci/constraints.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCKED) --universal --python-version 3.11 \
		--no-header --no-annotate --quiet | grep -v -E '^(nvidia|cuda-|triton)' >> .ci/constraints.txt
	$(MAKE) check-lock

# Each locked version can be installed on each Python: Hydra's parser is the only package that is built from source.
check-lock: $(BIN)/uv
	for python in $(PYTHONS); do for system in linux macos; do \
		MACOSX_DEPLOYMENT_TARGET=14.0 $(BIN)/uv pip compile pyproject.toml $(LOCKED) --constraints .ci/constraints.txt \
			--quiet --output-file /dev/null --python-version $$python --python-platform $$system \
			--only-binary :all: --no-binary antlr4-python3-runtime || exit 1; \
		echo "Python $$python on $$system: the lock resolves"; \
	done; done

$(BIN)/uv: setup
	$(BIN)/python -m pip install --quiet uv
