"""Load: import the pipeline of a project in this process, and fingerprint its stages."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import attrs
from pivot_fingerprint import Computed, Fingerprint, Fingerprinter
from pivot_fingerprint import Project as CodeProject

from pivot_core import declare, frozen, rebound, replaced, volatile
from pivot_core.declared_files import DeclaredFiles, lies_in
from pivot_core.errors import PipelineError, PivotError
from pivot_core.interfaces import Loaded
from pivot_core.missing import missing_code_dep
from pivot_core.not_imported import import_failure, no_pipeline_file, no_pipeline_module, no_stages
from pivot_core.observation import Observed
from pivot_core.observation.places import Places
from pivot_core.project import OWN_PACKAGES, Project
from pivot_core.unpickled import with_what_pickles_hold
from pivot_core.volatile import Compared, LoadAgain, SecondLoad

if sys.platform != "win32":
    from pivot_core.observation.observer import Observer
else:
    from pivot_core.observation.unobserved import Observer


@attrs.frozen
class InlineLoader:
    """Loads in the calling process: a project once a process, since Python imports a module only once.

    So it cannot find values that differ from load to load by itself: `compared` says what is known of these.
    """

    compared: Compared = attrs.field(factory=Compared)

    def load(self, project: Project) -> Loaded:
        """Import the pipeline and fingerprint its stages. Raises PipelineError."""
        return load_here(project, compared=self.compared)[0]


def load_here(
    project: Project,
    executed: Callable[[str], None] = lambda _path: None,
    *,
    compared: Compared = Compared(),  # noqa: B008 - it is frozen
    load_again: LoadAgain | None = None,
    close: Callable[[int], None] = os.close,
) -> tuple[Loaded, Mapping[str, Callable[..., object]]]:
    """Import the pipeline of `project` in this process; returns what it gave, and each stage's function.

    `executed` is called with the path of each project module whose code has run, after those that it imported.
    From now on this process imports project modules from the bytes that were read first. `compared` is what is known of
    values that differ from load to load; `load_again` is called where there is cause to look; `close` is given a
    descriptor whose closing takes long. Raises PipelineError.
    """
    imported, code, observed = _first_look(project, compared, executed, close)
    if load_again is not None and not all(map(compared.is_known, code.values.values())):
        second = load_again()
        if second is not None and volatile.had_same_inputs(observed, second.observed):
            compared, code = _compare(imported, code, compared, second)
    declared = imported.registry.declared
    bundle = imported.sources.bundle()
    told = (
        *imported.registry.notices(),
        *replaced.notices(imported.registry, bundle),
        *rebound.notices(imported.registry),
    )
    imported.registry.seen.clear()  # values that the pipeline itself may have let go of
    stages = {name: item.stage for name, item in declared.items()}
    loaded = Loaded(
        stages=stages,
        code=with_what_pickles_hold(stages, code.prints, bundle),
        bundle=bundle,
        source_text=code.source_text,
        notices=(*told, *volatile.notices(code.values)),
        observed=observed,
        compared=compared,
    )
    return loaded, {name: item.function for name, item in declared.items()}


def load_to_compare(project: Project, compared: Compared) -> SecondLoad:
    """Load in this process to tell what differs from another load, which knew the same. Raises PipelineError."""
    imported, code, observed = _first_look(project, compared)
    return SecondLoad(_without_outdated(imported, code, compared)[1].values, observed)


def _compare(imported: _Imported, code: _Code, compared: Compared, second: SecondLoad) -> tuple[Compared, _Code]:
    """What is known with a second load, and the code with what that has told."""
    compared, code = _without_outdated(imported, code, compared)
    before, compared = compared, compared.with_differing(code.values, second.values)
    if compared.volatile != before.volatile:
        code = imported.fingerprint(compared)
    return compared.with_code(code.values), code


def _without_outdated(imported: _Imported, code: _Code, compared: Compared) -> tuple[Compared, _Code]:
    kept = compared.without_outdated(code.values)
    return (kept, imported.fingerprint(kept)) if kept is not compared else (compared, code)


@attrs.frozen
class _Code:
    """What was found of the code of all stages: fingerprints, source text by digest, computed values."""

    prints: Mapping[str, Fingerprint]
    source_text: Mapping[str, str]
    values: Mapping[str, Computed]


@attrs.frozen
class _Imported:
    """A pipeline that is imported."""

    project: Project
    code_project: CodeProject
    sources: frozen.FrozenSources
    registry: declare.Registry

    def refuse_absent_code_deps(self) -> None:
        """Raise PipelineError for a file in `code_deps` that is not there, and that no stage writes."""
        for item in self.registry.declared.values():
            for dep in item.code_deps:
                if isinstance(dep, str | Path):
                    place = self.project.root / dep
                    if not place.exists() and not self._is_out(str(place)):
                        raise missing_code_dep(self.project.root, str(dep), item.stage)

    def fingerprint(self, compared: Compared) -> _Code:
        fingerprinter = Fingerprinter(
            self.code_project,
            sources=self.sources,
            versions=self.project.settings.versions,
            volatile=compared.statements,
            is_data=self._is_out,
            is_dep=self._all_deps.has,
        )
        prints = {
            name: fingerprinter.fingerprint(
                item.function,
                code_deps=item.code_deps,
                ignore_code=item.ignore_code,
                is_dep=DeclaredFiles(self.project.root, item.stage.deps).has,
            )
            for name, item in self.registry.declared.items()
        }
        return _Code(prints, dict(fingerprinter.sources_by_digest), fingerprinter.computed_values())

    def _is_out(self, path: str) -> bool:
        """Whether stages write what is at the absolute path: it is no part of the code then."""
        return lies_in(path, self._outs)

    @cached_property
    def _all_deps(self) -> DeclaredFiles:
        return DeclaredFiles(
            self.project.root, {dep for item in self.registry.declared.values() for dep in item.stage.deps}
        )

    @cached_property
    def _outs(self) -> frozenset[str]:
        declared = self.registry.declared.values()
        return frozenset(str(self.project.root / out.path) for item in declared for out in item.stage.outs)


def _first_look(
    project: Project,
    compared: Compared,
    executed: Callable[[str], None] = lambda _path: None,
    close: Callable[[int], None] = os.close,
) -> tuple[_Imported, _Code, Observed]:
    """Import the pipeline and fingerprint its stages, and watch what that depends on."""
    sources = frozen.FrozenSources(executed)
    places = Places(project)
    observer = Observer(project, sources, places, close)
    observer.start()
    try:
        imported = _import(project, sources, places, observer)
        code = imported.fingerprint(compared)
    finally:
        observed = observer.stop()
    return imported, code, observed


def _import(project: Project, sources: frozen.FrozenSources, places: Places, observer: Observer) -> _Imported:
    code_project = CodeProject(project.root, project.source_roots, OWN_PACKAGES)
    _refuse_shadows(project)

    def is_ours(path: str) -> bool:
        """As the fingerprint has it: editable installs and directories on PYTHONPATH count as the project's too."""
        return code_project.owns(path) or not (places.is_library(path) or places.is_own(path))

    frozen.install(
        frozen.FrozenFinder(sources, is_ours),
        [str(place) for place in project.source_roots if place.is_dir()],
    )
    _check_facade()
    registry = declare.Registry(project.root)
    token = declare.current_registry.set(registry)
    try:
        _import_pipeline(project, sources)
    except PivotError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - user code may raise anything, SystemExit too; all of it is reported
        raise import_failure(project, error) from None
    finally:
        declare.current_registry.reset(token)
    observer.imported()
    if not registry.declared:
        raise no_stages(project, sources.bundle(), registry.notices())
    imported = _Imported(project, code_project, sources, registry)
    imported.refuse_absent_code_deps()
    return imported


def _import_pipeline(project: Project, sources: frozen.FrozenSources) -> None:
    dotted = project.pipeline_module
    if not project.settings.pipeline.endswith(".py") and (project.root / project.settings.pipeline).is_file():
        raise PipelineError(
            f"{project.settings.pipeline} is no Python file",
            "A pipeline is a file that ends in .py, or the dotted name of a module.",
        )
    if dotted is not None:
        try:
            importlib.import_module(dotted)
        except ModuleNotFoundError as error:
            if error.name and f"{dotted}.".startswith(f"{error.name}."):
                raise no_pipeline_module(project, error.name) from None
            raise
        return
    file = os.path.normpath(project.root / project.settings.pipeline)
    if not Path(file).is_file():
        raise no_pipeline_file(project)
    name = Path(file).stem
    name = name if name.isidentifier() and name not in sys.modules else "pipeline"
    spec = importlib.util.spec_from_file_location(name, file, loader=frozen.FrozenLoader(name, file, sources))
    if spec is None or spec.loader is None:
        raise PipelineError(f"{file} cannot be imported")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _refuse_shadows(project: Project) -> None:
    for root in project.source_roots:
        for entry in (root / "pivot.py", root / "pivot" / "__init__.py"):
            if entry.exists() and not (root / "pivot_core").is_dir() and "pivot_core" not in _text(entry):
                raise PipelineError(
                    f"{project.shown(entry)} hides the `pivot` that pipelines import `stage` from",
                    "Give that module another name.",
                )
    package = project.root / Path(project.settings.pipeline).stem / "__init__.py"
    if project.pipeline_module is None and package.exists():
        raise PipelineError(
            f"the package {project.shown(package.parent)}/ has the same name as {project.settings.pipeline}",
            "Rename one of the two: only one module of a name can be imported.",
        )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _check_facade() -> None:
    facade = importlib.import_module("pivot")
    if getattr(facade, "stage", None) is not declare.stage:
        raise PipelineError(
            f"the `pivot` that Python imports, {getattr(facade, '__file__', '?')}, belongs to another distribution",
            f"Mend it with: {sys.executable} -m pip uninstall -y pivot\n"
            f"then: {sys.executable} -m pip install --force-reinstall --no-deps pivot-core",
        )
