"""A search: Optuna proposes trials, jobs run them; a new one is asked for whenever a job ends.

A trial is one configuration: one job, or one after another for each of `sweep.seeds`.  Its value is the mean over
them; a pruner sees the mean so far, at a step that counts the validations of all of them.  The study holds the
trials, the manifest the jobs, so both go on after a stop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from datamodules.errors import BadInput
from scripts.config.naming import short_name
from scripts.config.private_names import reported_steps, trial_id
from scripts.sweeps.manifest import Job, Manifest
from scripts.sweeps.search import optuna_components
from scripts.sweeps.search.objectives import check_search, objectives
from scripts.sweeps.search.points import check_job, point_of
from scripts.sweeps.search.space import Axis, Space, plain
from scripts.sweeps.settings import SweepSettings

OWNER = "sweep"  # the attribute of a trial that says whose it is, in a study that several sweeps share

RETRIED = "retried"  # the attribute of a study with the failed trials whose configurations are tried once more


@dataclass
class Trial:
    """A trial that is not over, and its jobs."""

    trial: Any  # Optuna's
    jobs: list[Job]
    running: bool = False
    is_stopped: bool = False  # its job was killed or stopped; the next call goes on with it

    def waiting(self) -> Job | None:
        """The next of its jobs that has to run."""
        return None if self.running or self.is_stopped else next((job for job in self.jobs if not job.done), None)


class Search:
    """Hands out the jobs of an Optuna study.

    Args:
        space: the axes.
        settings: of the sweep.
        manifest: what earlier calls did.
        run: settings of a run of this sweep.
        retry_failed: try failed configurations of earlier calls once more.

    Raises:
        BadInput: settings that make no search.
    """

    def __init__(
        self, space: Space, settings: SweepSettings, manifest: Manifest, run: dict[str, Any], retry_failed: bool
    ) -> None:
        optuna_components.require()
        self.space = space
        self.settings = settings
        self.manifest = manifest
        self.objectives = objectives(settings, run)
        self.first_seed: int = run["seed"]
        self.num_seeds = settings.seeds or 1
        check_search(settings, space, self.objectives)
        self.distributions = {axis.key: optuna_components.distribution(axis) for axis in space.axes}
        self.study = self._study(f"{run['name']}/{settings.name}")
        self.live: list[Trial] = []
        self._take_up(retry_failed)

    @property
    def prunes_validations(self) -> bool:
        """Whether jobs ask after each validation; Wilcoxon's test compares whole replicates."""
        return self.settings.pruner_name not in ("", "WilcoxonPruner")

    @property
    def total(self) -> int:
        return max((self.settings.trials or 0) * self.num_seeds, len(self.manifest.jobs))

    def examples(self) -> list[list[str]]:
        if not self.live and self._num_trials() >= (self.settings.trials or 0):
            return []
        first = {axis.key: self._ends(axis)[0] for axis in self.space.axes}
        found = []
        for axis in self.space.axes:
            for value in self._ends(axis):
                chosen = {**first, **self._where_active(axis), axis.key: value}
                overrides = [
                    optuna_components.override_of(a, chosen[a.key]) for a in self.space.axes if self._counts(a, chosen)
                ]
                found.append(overrides)
        return found

    def _where_active(self, axis: Axis) -> dict[str, Any]:
        """Values of other axes beside which a conditional axis counts."""
        found = {}
        for key, values in self.space.when.get(axis.key, {}).items():
            choices = self._ends(next(other for other in self.space.axes if other.key == key))
            found[key] = next((choice for choice in choices if plain(choice) in values), choices[0])
        return found

    def _counts(self, axis: Axis, chosen: dict[str, Any]) -> bool:
        return self.space.is_active(axis, chosen)

    def next(self) -> Job | None:
        for live in self.live:
            job = live.waiting()
            if job is not None:
                live.running = True
                return job
        if self._num_trials() >= (self.settings.trials or 0):
            return None
        live = self._ask()
        self.live.append(live)
        live.running = True
        return live.jobs[0]

    def report(self, job: Job, validation: int, value: float) -> bool:
        live = self._of(job)
        job.validations = max(job.validations, validation)
        before = [other for other in live.jobs if other.replicate < job.replicate]
        step = sum(other.validations for other in before) + validation
        so_far = [self._values(other)[0] for other in before] + [value]
        return self._pruned(live.trial, step, sum(so_far) / len(so_far))

    def job_finished(self, job: Job, metrics: dict[str, float] | None) -> None:
        live = self._of(job)
        live.running, live.is_stopped = False, job.state == "interrupted"
        if job.state in ("pruned", "failed"):
            self._close(live, job.state)
        elif job.state == "finished":
            self._advance(live, job)

    def importance(self) -> list[dict[str, Any]]:
        """A row for each axis: how much of each objective's variance over the finished trials it explains."""
        states = optuna_components.optuna.trial.TrialState
        if len(self.space.axes) < 2 or len(self.study.get_trials(deepcopy=False, states=(states.COMPLETE,))) < 4:
            return []
        rows: dict[str, dict[str, Any]] = {axis.key: {"setting": axis.key} for axis in self.space.axes}
        for i, objective in enumerate(self.objectives):
            try:
                shares = optuna_components.importances(self.study, i)
            except (ImportError, RuntimeError, ValueError):  # scikit-learn is absent, or all values are the same
                return []
            for key, share in shares.items():
                rows[key][objective.metric] = share
        return sorted(rows.values(), key=lambda row: -row.get(self.objectives[0].metric, 0.0))

    # ------------------------------------------------------------------ trials

    def _study(self, name: str) -> Any:
        optuna = optuna_components.optuna
        directions: list[Any] = [objective.direction for objective in self.objectives]
        try:
            study = optuna.create_study(
                storage=optuna_components.storage(self.settings, self.manifest.folder),
                study_name=name,
                sampler=optuna_components.sampler(self.settings, self.space.axes, 0, bool(self.space.when)),
                pruner=optuna_components.pruner(self.settings),
                directions=directions,
                load_if_exists=True,
            )
            study.set_metric_names([objective.metric for objective in self.objectives])
        except ValueError as error:
            raise BadInput(f"sweep.sampler={self.settings.sampler_name}: {error}") from None
        for point in self.settings.enqueue:
            study.enqueue_trial(point_of(point, self.space, self.distributions), skip_if_exists=True)
        return study

    def _take_up(self, retry_failed: bool) -> None:
        """Bring study and manifest together after a stop."""
        states = optuna_components.optuna.trial.TrialState
        of_trial: dict[int | None, list[Job]] = {}
        for job in self.manifest.jobs:
            check_job(job, self.space, self.manifest.path)
            of_trial.setdefault(job.trial, []).append(job)
        for frozen in self.study.get_trials(deepcopy=False):
            owner = frozen.user_attrs.get(OWNER)
            jobs = of_trial.get(frozen.number, []) if owner == self._owner() else []
            if frozen.state is states.RUNNING and jobs:
                self._resume_trial(Trial(optuna_components.optuna.trial.Trial(self.study, trial_id(frozen)), jobs))
            elif frozen.state is states.RUNNING and (owner == self._owner() or not (owner or self.settings.storage)):
                self.study.tell(frozen.number, state=states.FAIL)  # it was stopped before it had a job
            elif frozen.state is states.FAIL and jobs and retry_failed and frozen.number not in self._retried():
                self.study.set_user_attr(RETRIED, [*self._retried(), frozen.number])
                self.study.enqueue_trial(frozen.params)

    def _resume_trial(self, live: Trial) -> None:
        self.live.append(live)
        closed = [job.state for job in live.jobs if job.state in ("pruned", "failed")]
        if closed:
            self._close(live, closed[0])
        elif all(job.done for job in live.jobs):
            self._advance(live, live.jobs[-1])

    def _num_trials(self) -> int:
        """Those that count: not the ones that ended before they began, nor those that are tried again."""
        states = optuna_components.optuna.trial.TrialState
        retried = self._retried()
        return sum(
            trial.state not in (states.WAITING, states.FAIL)
            or (trial.state is states.FAIL and OWNER in trial.user_attrs and trial.number not in retried)
            for trial in self.study.get_trials(deepcopy=False)
        )

    def _retried(self) -> list[int]:
        return self.study.user_attrs.get(RETRIED, [])

    def _ask(self) -> Trial:
        number = len(self.study.get_trials(deepcopy=False))
        conditional = bool(self.space.when)
        if optuna_components.is_reseeded(self.settings):
            self.study.sampler = optuna_components.sampler(self.settings, self.space.axes, number, conditional)
        always = {key: drawn_from for key, drawn_from in self.distributions.items() if key not in self.space.when}
        try:
            trial = self.study.ask(always)
            axes = [axis for axis in self.space.axes if axis.key in always]
            for axis in (axis for axis in self.space.axes if axis.key not in always):
                if self._counts(axis, trial.params):
                    optuna_components.suggest(trial, axis.key, self.distributions[axis.key])
                    axes.append(axis)
        except ValueError as error:
            raise BadInput(f"sweep.sampler={self.settings.sampler_name}: {error}") from None
        trial.set_user_attr(OWNER, self._owner())
        overrides = [optuna_components.override_of(axis, trial.params[axis.key]) for axis in axes]
        jobs = []
        for replicate in range(self.num_seeds):
            seed = [f"seed={self.first_seed + replicate}"] if self.settings.seeds else []
            shown = [optuna_components.override_of(axis, _rounded(trial.params[axis.key])) for axis in axes]
            name = "_".join(filter(None, [f"{trial.number:03}", short_name([*shown, *seed])]))
            jobs.append(self.manifest.add([*overrides, *seed], name=name, trial=trial.number, replicate=replicate))
        return Trial(trial, jobs)

    def _advance(self, live: Trial, job: Job) -> None:
        """A replicate has finished: the next one, or the end of the trial."""
        done = [self._values(other) for other in live.jobs if other.state == "finished"]
        if self.settings.pruner_name == "WilcoxonPruner" and len(done) < len(live.jobs):
            if self._pruned(live.trial, job.replicate, self._values(job)[0]):
                self._close(live, "pruned")
            return
        if len(done) == len(live.jobs):
            means = [sum(values) / len(values) for values in zip(*done)]
            self.live.remove(live)
            if all(math.isfinite(value) for value in means):
                self._report_result(live, values=means)
            else:
                self._report_result(live, state=optuna_components.optuna.trial.TrialState.FAIL)

    def _close(self, live: Trial, state: str) -> None:
        states = optuna_components.optuna.trial.TrialState
        self.live.remove(live)
        for job in live.jobs:
            if not job.done:
                job.state, job.reason = "pruned", f"another seed of its trial was {state}"
        self._report_result(live, state=states.PRUNED if state == "pruned" else states.FAIL)

    def _report_result(self, live: Trial, **result: Any) -> None:
        try:
            self.study.tell(live.trial, **result)
        except RuntimeError as error:  # the grid sampler has no more to offer
            if "Study.stop" not in str(error):
                raise

    def _pruned(self, trial: Any, step: int, value: float) -> bool:
        if step not in reported_steps(self.study, trial):
            trial.report(value, step)
        return trial.should_prune()

    def _values(self, job: Job) -> list[float]:
        metrics = self.manifest.run_folder(job).metrics() or {}
        return [float(metrics.get(objective.metric, math.nan)) for objective in self.objectives]

    def _of(self, job: Job) -> Trial:
        return next(live for live in self.live if job in live.jobs)

    def _owner(self) -> str:
        return str(self.manifest.folder)

    def _ends(self, axis: Any) -> list[Any]:
        drawn_from = self.distributions[axis.key]
        return list(drawn_from.choices) if hasattr(drawn_from, "choices") else [drawn_from.low, drawn_from.high]


def _rounded(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value
