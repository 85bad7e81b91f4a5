#!/usr/bin/env bash
# The examples as a user meets them: 01 to 03 print what tests/expected/ holds, 04 learns, and bad input ends in one
# line on standard error, naming what is wrong, and exit status 1.
# Usage: tests/examples.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail
programs=$(cd "$1" && pwd)
expected=$(cd "$(dirname "${BASH_SOURCE[0]}")/expected" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() { echo "FAILED: $*"; exit 1; }

# Fails unless the two files are equal but for the last printed digit of their numbers, which depends on the processor.
same_print() {
  diff <(tr -s ' ' <"$1" | sed 's/[-0-9.]\{3,\}/#/g') <(tr -s ' ' <"$2" | sed 's/[-0-9.]\{3,\}/#/g') &&
    paste -d '\n' <(grep -oE -- '-?[0-9.]{3,}' "$1") <(grep -oE -- '-?[0-9.]{3,}' "$2") |
    awk 'NR % 2 {wanted = $1; next} {error = $1 - wanted; if (error < -2e-6 || error > 2e-6) {print wanted, $1; bad = 1}}
         END {exit bad}'
}
for name in 01_basic_usage 02_batched_inputs 03_sparse_attention; do
  "$programs/$name" >printed
  same_print "$expected/$name.txt" printed || fail "$name prints something else"
done
rm printed

# rejects WHAT_IT_SAYS PROGRAM ARGUMENTS…
rejects() {
  local says=$1 status=0
  shift
  "$programs/$1" "${@:2}" >out 2>err </dev/null || status=$?
  ((status == 1)) || fail "$* exits with $status instead of 1"
  grep -qF -- "$says" err || fail "$* does not say '$says' but: $(cat err)"
}
for name in 01_basic_usage 02_batched_inputs 03_sparse_attention 04_character_model; do
  "$programs/$name" --help | grep -q -- --help || fail "$name --help"
  rejects "--nonsense" $name --nonsense
done
rejects "[sparse_softmax] k must be at least 1, got 0" 01_basic_usage --k 0
TAPER_THREADS=two rejects "[thread_count] TAPER_THREADS must be a whole number of at least 1, got 'two'" 01_basic_usage
rejects "[SparseAttention] k must be at least 1, got -1" 03_sparse_attention --k -1
rejects "nowhere/queries.npy" 03_sparse_attention --save nowhere

: >empty.txt
head -c 5000 /dev/urandom >binary.txt
printf 'a short text' >short.txt
rejects "missing.txt: can't be opened" 04_character_model missing.txt
rejects "empty.txt: is empty" 04_character_model empty.txt
rejects "binary.txt: is not text" 04_character_model binary.txt
rejects "short.txt: has 12 characters" 04_character_model short.txt
rejects ".: is a directory" 04_character_model .
rejects "--steps" 04_character_model --steps 0
[[ $(ls) == $'binary.txt\nempty.txt\nerr\nout\nshort.txt' ]] || fail "files were left behind: $(ls)"

mkdir saved
"$programs/03_sparse_attention" --save saved >/dev/null
[[ $(find saved -name '*.npy' | wc -l) == 7 ]] || fail "03 --save did not save seven tensors"

# A text that is easy to learn, with characters of one to four bytes.
for _ in $(seq 60); do printf 'Grüße an 𝛕aper, die Bücher sind grün. '; done >easy.txt
"$programs/04_character_model" easy.txt --steps 40 --length 80 >out 2>err || fail "04: $(cat err)"
grep -q "40/40" err || fail "04 shows no progress"
awk '/nats per character/ {before = $(NF - 3); after = $(NF - 1); exit !(after < 0.5 * before)}' out || fail "04 did not learn: $(cat out)"
iconv -f UTF-8 -t UTF-8 out >/dev/null || fail "04 writes broken UTF-8"
echo "the examples behave"
