"""Nothing is sent home: switches off what packages that we use would send to their makers, or let others collect.

Called when ``imagefinder`` is first imported, so before any of them is, for every way in; processes that it starts
inherit the variables. A value that was there before is replaced: what is set for other programs must not make this one
send anything.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

OFF = {
    # ONNX Runtime 1.32 sends events of sessions to mobile.events.data.microsoft.com, and keeps a device id and a
    # database of events in ~/.cache/Microsoft. It reads this when it is first imported.
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub: the agent, other packages and their versions in each request; asks for a list of agents once a
    # day; its programs look for newer versions. hf_xet reports transfers.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_XET_TELEMETRY_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",  # a cluster of Ray that is started here reports hourly to its makers else
    "DO_NOT_TRACK": "1",  # https://donottrack.sh, for those that come later
}
# FastAPI and MCP have spans for OpenTelemetry, which these would load and send anywhere. Only for our own programs: one
# that uses the library may want its own spans.
OFF_IN_PROGRAMS = {"OTEL_SDK_DISABLED": "true", "FASTAPI_OTEL_AUTO_CONFIGURE": "false"}
UNSET_IN_PROGRAMS = ("OTEL_PYTHON_TRACER_PROVIDER", "OTEL_PYTHON_METER_PROVIDER", "OTEL_PYTHON_LOGGER_PROVIDER")


def send_nothing() -> None:
    """For every process that imports ``imagefinder``. Packages that were imported before it are told too, but what they
    did when they were imported is done."""
    os.environ.update(OFF)
    if (runtime := sys.modules.get("onnxruntime")) is not None:
        with suppress(Exception):  # an older one has no such call, and nothing to switch off
            runtime.disable_telemetry_events()
    if (constants := sys.modules.get("huggingface_hub.constants")) is not None:
        constants.HF_HUB_DISABLE_TELEMETRY = True  # type: ignore[attr-defined]
        constants.HF_HUB_DISABLE_UPDATE_CHECK = True  # type: ignore[attr-defined]


def send_nothing_from_programs() -> None:
    """For the command line, and so for the server and the tools of agents that it starts."""
    os.environ.update(OFF_IN_PROGRAMS)
    for name in UNSET_IN_PROGRAMS:
        os.environ.pop(name, None)
