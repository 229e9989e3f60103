"""The commands of `obs2seq`: each adds its arguments to a parser, and says what to do with them.

A command's docstring is its help.
"""

from obs2seq.commands.comparison import add_compare
from obs2seq.commands.observations import add_generate
from obs2seq.commands.published import add_show
from obs2seq.commands.runs import add_check, add_run
from obs2seq.commands.schemas import add_schema

COMMANDS = {
    "run": add_run,
    "check": add_check,
    "generate": add_generate,
    "schema": add_schema,
    "show": add_show,
    "compare": add_compare,
}
