"""Fills in templates: pages of HTML that open without a network, and Markdown. Knows nothing of what they tell.

A page that is a file, as a report, extends `page.html` and needs nothing else. One that is served extends
`served.html`, and `LOOK` is served beside it. Both have one head, and are light or dark as the reader's system is.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

LOOK = Path(__file__).with_name("look.css")


def filled(template: Path, **values: Any) -> str:
    """A template with its values. In HTML, what users wrote is text and nothing else.

    Args:
        template: a Jinja file, `.html` or `.md`.
        values: by the name the template knows them by.

    Raises:
        jinja2.TemplateError: the template cannot be read, or asks for a value there is none of.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template.name).render(**values)
