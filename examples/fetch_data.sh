#!/usr/bin/env bash
# Fetches the data of the demos into build/data, each out of a Debian package, which is not installed for that:
#   digits     1797 handwritten ones of 8 x 8 pixels (scikit-learn's, in python3-sklearn): 64 pixels from 0 to 16 in each line,
#              and the digit that they show
#   penguins   344 penguins with their species, island, measures and sex (r-cran-palmerpenguins)
# Does nothing if the file is there already.
# Usage: examples/fetch_data.sh digits|penguins
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

name=${1:-}
case $name in
  digits)
    package=python3-sklearn lines=1797
    member=./usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
    ;;
  penguins)
    package=r-cran-palmerpenguins lines=345
    member=./usr/lib/R/site-library/palmerpenguins/extdata/penguins.csv
    ;;
  *)
    echo "usage: examples/fetch_data.sh digits|penguins" >&2
    exit 1
    ;;
esac
file=$root/build/data/$name.csv
[[ -f $file ]] && exit 0

give_up() {
  echo "error: the $name can't be fetched: $*. Put ${member##*/}, unpacked, at $file by hand." >&2
  exit 1
}
for tool in apt-get dpkg-deb gunzip; do
  command -v $tool >/dev/null || give_up "there is no $tool here"
done

say "Fetching the $name out of Debian's package $package"
mkdir -p "${file%/*}"
scratch=$(mktemp -d "${file%/*}/fetch.XXXXXX")  # beside the file, so that it can be renamed into place
trap 'rm -rf "$scratch"' EXIT
# As root, apt would rather download as its own user, who may not write here.
download() { (cd "$scratch" && apt-get download -qq -o APT::Sandbox::User=root $package); }
if ! download 2>/dev/null; then  # perhaps the package lists are missing or old
  as_root apt-get update -qq || true
  download || give_up "apt-get download $package fails (is there a network?)"
fi
unpack() { if [[ $member == *.gz ]]; then gunzip; else cat; fi; }
dpkg-deb --fsys-tarfile "$scratch"/*.deb | tar -x -O "$member" | unpack >"$scratch/$name.csv" ||
  give_up "the package $package does not hold $member"
[[ $(wc -l <"$scratch/$name.csv") == "$lines" ]] || give_up "the file does not have $lines lines"
mv "$scratch/$name.csv" "$file"
