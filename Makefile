# Shorthand for tools/env.py, which does the work: `make book` is `python3 tools/env.py book`.

PYTHON ?= python3
COMMANDS = book site test lab clean run lint data measure bench locks \
	test-python test-floor test-newest test-cpu test-launch test-offline

.PHONY: help $(COMMANDS)

help: ARGUMENTS =
run: ARGUMENTS = $(CHAPTER)
test-python: ARGUMENTS = $(PY)

help $(COMMANDS):
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11, 3.12 or 3.13."; exit 1; }
	@"$(PYTHON)" tools/env.py $@ $(ARGUMENTS)
