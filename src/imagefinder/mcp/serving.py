"""An MCP server that tells an agent the reason of each refusal, and drops nothing that it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from pydantic import ValidationError

from imagefinder._util.suggest import nearest, unknown_argument

if TYPE_CHECKING:
    from mcp.types import Tool

SHOWN = 200  # characters of a value that a refusal shows


class Server(MCPServer[Any]):
    """Unknown tools and unknown arguments are refused, with the one that was probably meant."""

    async def list_tools(self) -> list[Tool]:
        """The tools, whose schemas say that they take nothing else."""
        tools = await super().list_tools()
        for tool in tools:
            tool.input_schema = {**tool.input_schema, "additionalProperties": False}
        return tools

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Raises ToolError: what was wrong, where, and what to do."""
        tools = {tool.name: tool for tool in await self.list_tools()}
        if name not in tools:
            near = nearest(name, list(tools))
            meant = f" Did you mean {near!r}?" if near else ""
            raise ToolError(f"Unknown tool: {name[:SHOWN]}. There are: {', '.join(tools)}.{meant}")
        known = tools[name].input_schema.get("properties", {})
        for given in arguments:
            if given not in known:
                raise ToolError(f"{name}: {unknown_argument(given, known)}")
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError as error:
            cause = error.__cause__ or error
            raise ToolError(
                f"{name} failed: {type(cause).__name__}: {str(cause)[:SHOWN]}. This is a fault of ImageFinder: report "
                "it, and try other arguments."
            ) from error
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(f"{name}: {_fault(error.__cause__)}") from error
            raise


def _fault(error: ValidationError) -> str:
    """The first thing that is wrong with the arguments, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    given = "" if first["type"] == "missing" else f", not {first['input']!r:.{SHOWN}}"
    return f"{where}: {first['msg']}{given}."
