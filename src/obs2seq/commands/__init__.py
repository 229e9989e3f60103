"""The commands of `obs2seq`: each adds its arguments to a parser, and says what to do with them.

A command's docstring is its help.
"""

from obs2seq.commands.audit import add_audit
from obs2seq.commands.comparison import add_compare
from obs2seq.commands.launched import add_cancel, add_logs, add_wait
from obs2seq.commands.launching import add_deploy, add_submit
from obs2seq.commands.lineage import add_catalog, add_diff, add_lineage
from obs2seq.commands.observations import add_generate
from obs2seq.commands.package import add_package
from obs2seq.commands.published import add_show
from obs2seq.commands.report import add_report
from obs2seq.commands.runs import add_check, add_run
from obs2seq.commands.schemas import add_schema
from obs2seq.commands.sql import add_sql

COMMANDS = {
    "run": add_run,
    "check": add_check,
    "generate": add_generate,
    "package": add_package,
    "deploy": add_deploy,
    "submit": add_submit,
    "wait": add_wait,
    "logs": add_logs,
    "cancel": add_cancel,
    "schema": add_schema,
    "show": add_show,
    "sql": add_sql,
    "compare": add_compare,
    "audit": add_audit,
    "report": add_report,
    "diff": add_diff,
    "lineage": add_lineage,
    "catalog": add_catalog,
}
