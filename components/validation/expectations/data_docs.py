"""How Data Docs look: Great Expectations' own pages in a frame that needs no network, no script and no picture.

The pages it ships ask a dozen servers for style sheets, scripts and a logo, and without them show no list of batches.
"""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from great_expectations.render.renderer.site_builder import SiteBuilder
from great_expectations.render.view.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, Environment, FileSystemLoader

TEMPLATES = Path(__file__).with_name("templates")


@cache
def _environment() -> Environment:
    """Shared by all pages: a site makes a view for each of them every time, and would compile its templates again."""
    environment: Environment = DefaultJinjaPageView().env
    assert environment.loader
    environment.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), environment.loader])
    return environment


class Page(DefaultJinjaPageView):
    """A page about a suite, about what came of one, or the list of all there are."""

    def __init__(self, **places: Any) -> None:
        super().__init__(**places)
        self.env = _environment()


class Site(SiteBuilder):
    """A site without the files that only the shipped pages show."""

    def build(self, resource_identifiers: Any = None, build_index: bool = True) -> tuple[Any, Any]:
        """Make the pages of these resources, or of all there are, and the index."""
        for section in self.site_section_builders.values():
            section.build(resource_identifiers=resource_identifiers)
        _, links = self.site_index_builder.build(build_index=build_index)
        return self.get_resource_url(only_if_exists=False), links


def prune(results: Path, kept: int) -> None:
    """Drop what came of the oldest batches, and what a killed process left half written; their pages go with them.

    Args:
        results: the folder of results: suite/batch/time/file.
        kept: how many of each suite stay.
    """
    for suite in results.glob("*/"):
        newest_first = sorted(suite.glob("*/*/*.json"), key=lambda file: file.parent.name, reverse=True)
        for number, file in enumerate(newest_first):
            if number >= kept or not _whole(file):
                shutil.rmtree(file.parent)


def _whole(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True
