"""nbgrader's formgrader for one folder of results: a server for marking by hand, and for nothing else.

Notable choices:
- it serves formgrader's pages for marking. What would run a student's code (autograde, kernels, terminals) or change
  the release is not served: grading with walls is `course grade`;
- it reads no configuration of the person who starts it and writes none: its own folder is a temporary one;
- MathJax comes from this server, and its pages may ask no other place for anything (Content-Security-Policy), so that
  marking needs no network, and nothing that a student wrote could fetch a file from elsewhere;
- each page has the rubric beside the answer, see `rubric_cells`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server_mathjax.app import STATIC_ASSETS_PATH
from nbgrader.server_extensions.formgrader import apihandlers, handlers
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from tornado import web
from traitlets.config import Config

from ..course import Course
from ..making.nbgrader import settings
from .rubric_cells import RubricCells

HOST = "127.0.0.1"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
HOME = "/formgrader/gradebook"
TEMPLATES = Path(__file__).parent / "templates"  # formgrade/ in it replaces parts of nbgrader's template of that name
POLICY = (  # formgrader's pages are full of scripts in the page; what they load is all here
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'"
)
NOT_SERVED = (
    handlers.FormgraderHandler,  # takes a path, whose configuration is run
    handlers.ManageAssignmentsHandler,
    handlers.ManageSubmissionsHandler,
    apihandlers.AssignHandler,
    apihandlers.UnReleaseHandler,
    apihandlers.ReleaseHandler,
    apihandlers.CollectHandler,
    apihandlers.AutogradeHandler,
    apihandlers.GenerateAllFeedbackHandler,
    apihandlers.ReleaseAllFeedbackHandler,
    apihandlers.GenerateFeedbackHandler,
    apihandlers.ReleaseFeedbackHandler,
)


class PortTaken(ValueError):
    """Nothing can listen at the port that was asked for; most often another program does."""


class Desk(FormgradeExtension):
    """Formgrader's pages for marking by hand, without a configuration of its own."""

    load_cwd_config = False

    def load_config_file(self, **options: Any) -> None:
        """Load nothing: the server hands its configuration down."""

    def load_config(self) -> Config:
        """The configuration that the server handed down."""
        return self.config

    def build_extra_config(self) -> Config:
        """Where the templates lie: ours replace those of nbgrader that have the same name."""
        extra = super().build_extra_config()
        extra.HTMLExporter.extra_template_basedirs = [str(TEMPLATES), handlers.template_path]
        return extra

    def init_handlers(self, webapp: Any) -> None:
        """Serve what marking needs; all other addresses of formgrader lead to the list of what there is to mark."""
        served = [
            each for each in handlers.default_handlers + apihandlers.default_handlers if each[1] not in NOT_SERVED
        ]
        served += [
            (r"/formgrader/mathjax/(.*)", web.StaticFileHandler, {"path": str(STATIC_ASSETS_PATH)}),
            (r"/formgrader/static/(.*)", web.StaticFileHandler, {"path": handlers.static_path}),
            (r"/formgrader(?:/(?:manage_assignments|manage_submissions/.*)?)?", ToHome),
            (r"/formgrader/.*", handlers.Template404),
        ]
        webapp.add_handlers(".*$", served)


class ToHome(JupyterHandler):
    """Leads to the list of what there is to mark."""

    @web.authenticated
    def get(self) -> None:
        """Redirect."""
        self.redirect(HOME)


class Server(ServerApp):
    """A Jupyter server with nothing but formgrader; the first signal ends it."""

    default_services = ("auth",)  # type: ignore[assignment]  # no kernels, terminals, files or configuration

    course: Course
    results: Path

    def load_config_file(self, *names: Any, **options: Any) -> None:
        """Load nothing: what a person has configured for Jupyter is not for this."""

    def migrate_config(self) -> None:
        """Move nothing."""

    def load_server_extensions(self) -> None:
        """Load formgrader, and have it show rubrics."""
        desk = Desk(parent=self)
        desk.root_dir = self.root_dir
        desk.log = self.log
        desk.initialize([])
        desk.init_tornado_settings(self.web_app)
        desk.init_handlers(self.web_app)
        rubrics = RubricCells(self.course, self.results, parent=self)
        self.web_app.settings["nbgrader_exporter"].register_preprocessor(rubrics)

    def init_signal(self) -> None:
        """End at the first signal, without a question."""
        for number in SIGNALS:
            signal.signal(number, lambda *_: self.stop(from_signal=True))


def free_port(port: int = 0) -> int:
    """The port if it is free, any free one for 0. Raises PortTaken."""
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that has just been given back is free
        try:
            place.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} cannot be had ({error.strerror}); name another: --port N, or none for any free one"
            ) from None
        return int(place.getsockname()[1])


@contextlib.contextmanager
def formgrader(
    course: Course, results: Path, port: int = 0, open_browser: bool = False
) -> Iterator[tuple[str, Server]]:
    """A server that listens, with its address; `start` serves until a signal comes.

    results: holds gradebook.db and autograded/
    Raises PortTaken.
    """
    results = results.absolute()
    port = free_port(port)
    key = secrets.token_hex(24)
    with contextlib.ExitStack() as end:
        folder = Path(end.enter_context(tempfile.TemporaryDirectory(prefix="course-formgrade-")))
        end.enter_context(_own_places(folder))
        for number in SIGNALS:
            end.callback(signal.signal, number, signal.getsignal(number))
        config = settings(course, results)
        config.IdentityProvider.token = key
        # nbgrader lists the assignments that have a folder of sources, and the students that have one of submissions
        config.CourseDirectory.source_directory = str(_named_folders(folder / "source", results / "autograded"))
        config.CourseDirectory.submitted_directory = "autograded"
        server = Server(
            config=config,
            root_dir=str(results),
            ip=HOST,
            port=port,
            port_retries=0,
            open_browser=open_browser,
            default_url=HOME,
            allow_root=True,  # nothing runs here that would use a right
            log_level=logging.ERROR,
            tornado_settings={"headers": {"Content-Security-Policy": POLICY}},
        )
        server.course, server.results = course, results
        server.initialize([], find_extensions=False)
        end.callback(_close_gradebook, server)
        yield f"http://{HOST}:{port}{HOME}?token={key}", server


def _close_gradebook(server: Server) -> None:
    """Close the gradebook, if a page has opened it."""
    if book := server.web_app.settings["nbgrader_gradebook"]:
        book.close()


def _named_folders(folder: Path, autograded: Path) -> Path:
    """A folder with an empty one for each unit that was graded."""
    for unit in {path.name for path in autograded.glob("*/*") if path.is_dir()}:
        (folder / unit).mkdir(parents=True)
    return folder


@contextlib.contextmanager
def _own_places(folder: Path) -> Iterator[None]:
    """Let Jupyter keep all that it reads and writes for a person in a folder."""
    kinds = ("CONFIG", "DATA", "RUNTIME")
    ours = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in kinds}
    names = {*ours, "JUPYTER_CONFIG_PATH", "JUPYTER_NO_CONFIG", "JUPYTER_TOKEN"}
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
