"""The settings of finished runs that are members of another one."""

from __future__ import annotations

from typing import Any

from datamodules.errors import BadInput
from scripts.config import trust
from scripts.runs.folder import RunFolder


def with_members(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run, those of the runs that `module.runs` names among them, so that its folder is enough.

    Raises:
        BadInput: there is no such run, it names what is not to be trusted, or there are too few.
    """
    module = config["module"]
    if "runs" not in module or module.get("members"):
        return config
    if len(module["runs"]) < 2:
        raise BadInput(f"module.runs={module['runs']}: two or more folders of finished runs are accepted")
    members = []
    for path in module["runs"]:
        run = RunFolder.existing(path)
        settings = run.config()
        trust.check_stored({key: settings[key] for key in ("module", "task")}, str(run.config_file))
        members.append({key: settings[key] for key in ("module", "task")})
    return {**config, "module": {**module, "members": members}}
