#!/bin/sh
# Makes the program in a folder of its own: what the Dockerfile does, and what the tests do to start a server from it.
#
#   deploy/docker/build.sh FOLDER [cpu|cuda] [EXTRAS] [MODELS]
#
# FOLDER must not exist yet. EXTRAS are those of pyproject.toml with commas between them, MODELS names for
# `imagefinder models pull` with blanks between them: they go into FOLDER/share/imagefinder/models.
# VENV_OPTIONS and PIP_OPTIONS are passed on to `python -m venv` and `pip install`.
set -eu

folder=$1
variant=${2:-cpu}
extras=${3:-}
models=${4:-}
source=$(cd "$(dirname "$0")/../.." && pwd)
case $variant in
cpu | cuda) ;;
*)
    echo "There is no variant '$variant': cpu or cuda." >&2
    exit 2
    ;;
esac
if [ -e "$folder" ]; then
    echo "$folder is there already." >&2
    exit 2
fi

# pip stays outside: what runs later needs none.
# shellcheck disable=SC2086
python3 -m venv --without-pip ${VENV_OPTIONS:-} "$folder"
pip() {
    python3 -m pip --python "$folder/bin/python" --disable-pip-version-check --quiet "$@"
}

# shellcheck disable=SC2086
pip install --no-compile ${PIP_OPTIONS:-} "$source${extras:+[$extras]}"

if [ "$variant" = cuda ]; then
    # Both packages are the module onnxruntime, so one has to go before the other comes. The libraries of CUDA and
    # cuDNN come as wheels too; of the machine only the driver is needed.
    pip uninstall --yes onnxruntime
    # shellcheck disable=SC2086
    pip install --no-compile ${PIP_OPTIONS:-} "onnxruntime-gpu[cuda,cudnn]"
fi

# Tests of other packages, and headers and type stubs for those who build on them: nobody reads them here.
(
    cd "$folder"/lib/python3*/site-packages
    find . -depth -type d \( -name tests -o -name include \) -exec rm -rf {} +
    find . -type f \( -name "*.pyi" -o -name "*.pyx" -o -name "*.pxd" -o -name "*.a" \) -delete
)

# Compiled once here, as nothing can be written later.
"$folder/bin/python" -m compileall -q -j 0 "$folder/lib" || true

mkdir -p "$folder/share/imagefinder/models"
for name in $models; do
    XDG_DATA_HOME=$folder/share "$folder/bin/imagefinder" models pull "$name"
done
rm -rf "$folder/share/imagefinder/model-locks"
"$folder/bin/imagefinder" --version
