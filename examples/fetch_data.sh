#!/usr/bin/env bash
# Fetches scikit-learn's digits, 1797 handwritten ones of 8 x 8 pixels, out of Debian's package python3-sklearn
# (which is not installed for that) into build/data/digits.csv. Each line holds 64 pixels from 0 to 16 and the digit
# that they show. Does nothing if the file is there already.
# Usage: examples/fetch_digits.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/setup.sh"

package=python3-sklearn
member=./usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
digits=$root/build/data/digits.csv
[[ -f $digits ]] && exit 0

give_up() {
  echo "error: the digits can't be fetched: $*. Put scikit-learn's digits.csv at $digits by hand." >&2
  exit 1
}
for tool in apt-get dpkg-deb gunzip; do
  command -v $tool >/dev/null || give_up "there is no $tool here"
done

say "Fetching the digits out of Debian's package $package"
mkdir -p "${digits%/*}"
scratch=$(mktemp -d "${digits%/*}/fetch.XXXXXX")  # beside the file, so that it can be renamed into place
trap 'rm -rf "$scratch"' EXIT
# As root, apt would rather download as its own user, who may not write here.
download() { (cd "$scratch" && apt-get download -qq -o APT::Sandbox::User=root $package); }
if ! download 2>/dev/null; then  # perhaps the package lists are missing or old
  as_root apt-get update -qq || true
  download || give_up "apt-get download $package fails (is there a network?)"
fi
dpkg-deb --fsys-tarfile "$scratch"/*.deb | tar -x -O "$member" | gunzip >"$scratch/digits.csv" ||
  give_up "the package $package does not hold $member"
[[ $(wc -l <"$scratch/digits.csv") == 1797 ]] || give_up "the file does not have 1797 lines"
mv "$scratch/digits.csv" "$digits"
