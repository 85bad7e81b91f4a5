#!/usr/bin/env bash
# The examples as a user meets them: the first eight print what tests/expected/ holds, learn, or find the mistake; the demos
# learn, write their pages, and go on after Ctrl-C as if nothing had happened; bad input ends in one line on standard error,
# naming what is wrong, and exit status 1.
# Usage: tests/examples.sh FOLDER_OF_THE_PROGRAMS
set -euo pipefail
programs=$(cd "$1" && pwd)
expected=$(cd "$(dirname "${BASH_SOURCE[0]}")/expected" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() { echo "FAILED: $*"; exit 1; }

# well_formed FILE LAST_LINE
well_formed() {
  [[ $(tail -n 1 "$1") == "$2" ]] || fail "$1 does not end"
  ! command -v python3 >/dev/null || python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$1" ||
    fail "$1 is not well-formed"
}

# Fails unless the two files are equal except for the last printed digit of their numbers, which depends on the processor.
same_print() {
  diff <(tr -s ' ' <"$1" | sed 's/[-0-9.]\{3,\}/#/g') <(tr -s ' ' <"$2" | sed 's/[-0-9.]\{3,\}/#/g') &&
    paste -d '\n' <(grep -oE -- '-?[0-9.]{3,}' "$1") <(grep -oE -- '-?[0-9.]{3,}' "$2") |
    awk 'NR % 2 {wanted = $1; next} {error = $1 - wanted; if (error < -2e-6 || error > 2e-6) {print wanted, $1; bad = 1}}
         END {exit bad}'
}
for name in 01_gradient 02_fit_a_line 05_second_derivatives 06_basic_usage 07_batched_inputs 08_sparse_attention; do
  "$programs/$name" >printed
  same_print "$expected/$name.txt" printed || fail "$name prints something else"
done

"$programs/03_perceptron" >printed
grep -q "step 500: loss 0.00.*, 100.0 % right" printed || fail "03 does not tell the spirals apart: $(cat printed)"
well_formed spirals.svg "</svg>"

"$programs/04_your_own_op" >printed
for line in "wrong_cosine: gradcheck FAILED: 4 of 4 elements wrong" "the sign is wrong in all elements" \
  "^cosine: gradcheck passed" "sine, first derivative: gradcheck passed" "sine, second derivative: gradcheck passed"; do
  grep -q -- "$line" printed || fail "04 does not say '$line' but: $(cat printed)"
done
rm printed spirals.svg

# rejects WHAT_IT_SAYS PROGRAM ARGUMENTS…
rejects() {
  local says=$1 status=0
  shift
  "$programs/$1" "${@:2}" >out 2>err </dev/null || status=$?
  ((status == 1)) || fail "$* exits with $status instead of 1"
  grep -qF -- "$says" err || fail "$* does not say '$says' but: $(cat err)"
}
attention_demos=(09_associative_recall 10_character_transformer 11_digits 12_sorting 18_long_copy)
demos=("${attention_demos[@]}" 13_character_gru 14_penguins 15_pruned_gru 16_label_proportions)
for name in 06_basic_usage 07_batched_inputs 08_sparse_attention 17_softmax_to_sparsemax "${demos[@]}"; do
  "$programs/$name" --help | grep -q -- --help || fail "$name --help"
  rejects "--nonsense" $name --nonsense
done
rejects "[sparse_softmax] k must be at least 1, got 0" 06_basic_usage --k 0
TAPER_THREADS=two rejects "[thread_count] TAPER_THREADS must be a whole number of at least 1, got 'two'" 06_basic_usage
rejects "[SparseAttention] k must be at least 1, got -1" 08_sparse_attention --k -1
rejects "nowhere/queries.npy" 08_sparse_attention --save nowhere

: >empty.txt
head -c 5000 /dev/urandom >binary.txt
printf 'a short text' >short.txt
rejects "missing.txt: can't be opened" 10_character_transformer missing.txt
rejects "empty.txt: is empty" 10_character_transformer empty.txt
rejects "binary.txt: is not text" 10_character_transformer binary.txt
rejects "short.txt: has 12 characters" 10_character_transformer short.txt
rejects ".: is a directory" 10_character_transformer .
rejects "missing.csv" 11_digits missing.csv
rejects "short.txt: line 1, column 1: 'a short text' is not a number" 11_digits short.txt
rejects "short.txt: has 12 characters" 13_character_gru short.txt
rejects "short.txt: has 12 characters" 15_pruned_gru short.txt
rejects "--zeros" 15_pruned_gru --zeros 100
rejects "--networks: perceptron not in" 11_digits easy.csv --networks perceptron
rejects "missing.csv" 14_penguins missing.csv
rejects "short.txt: holds no row below the header" 14_penguins short.txt
rejects "--answer: year not in" 14_penguins --answer year
for name in "${attention_demos[@]}"; do rejects "--k" $name --k 0; done
for name in "${demos[@]}"; do
  rejects "--steps" $name --steps 0
  rejects "excludes" $name --resume --restart
done
rejects "--longest" 12_sorting --longest 65
rejects "--length: 100 not in" 18_long_copy --length 100
[[ $(ls) == $'binary.txt\nempty.txt\nerr\nout\nshort.txt' ]] || fail "files were left behind: $(ls)"

mkdir saved
"$programs/08_sparse_attention" --save saved >/dev/null
[[ $(find saved -name '*.npy' | wc -l) == 7 ]] || fail "08 --save did not save seven tensors"

# Inputs that are easy to learn: a text with characters of one to four bytes, noisy pictures, one kind a digit, and penguins of
# which the heavy ones are male.
for _ in $(seq 60); do printf 'Grüße an 𝛕aper, die Bücher sind grün. '; done >easy.txt
awk 'BEGIN {srand(1); for (i = 0; i < 300; ++i) {for (j = 0; j < 64; ++j)
       printf "%d,", (j * (i % 10 + 3) % 17 < 8) * 10 + rand() * 6; print i % 10}}' >easy.csv
awk 'BEGIN {srand(2); print "species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex"
  for (i = 0; i < 300; ++i)
    print "Adelie," (i % 3 ? "\"Dream, or else\"" : "NA") "," (i % 7 ? 40 + rand() : "NA") ",18,190," \
      (i % 2 ? 4000 : 3000) + 900 * rand() "," (i % 11 ? (i % 2 ? "male" : "female") : "NA")}' >penguins.csv
inputs() {
  case $1 in
    14_*) echo penguins.csv ;;
    10_* | 13_*) echo easy.txt --length 80 ;;
    15_*) echo easy.txt --length 80 --zeros 80 ;;
    11_*) echo easy.csv ;;
  esac
}

# demo NAME FOLDER ARGUMENTS…: the demo on its easy input
demo() { "$programs/$1" $(inputs "$1") --output "$2" "${@:3}" >out 2>err || fail "$*: $(cat err)"; }

# learned NAME: does the table that it printed say so? The accuracies are those on held-out examples.
learned() {
  awk -v name="$1" '
    !sub(/^(sparse, k = .|transformer, k = .|convolution|GRU|sex|dense GRU|pruned at 80 %|labels found exactly, sparsemax|fixed pattern, k = .) /, "") || !/%/ {next}
    {rows += 1}
    name ~ /^09/ {bad += !($1 > 80 && $3 > 90)}  # accuracy, support recall
    name ~ /^1[035]/ {bad += !($2 < 0.5 * $1)}   # loss before, loss after
    name ~ /^11/ {bad += !($1 > 90)}             # accuracy
    name ~ /^12/ {bad += !($1 > 70)}             # sequences sorted, of the shortest
    name ~ /^14/ {bad += !($1 > 95)}             # accuracy
    name ~ /^16/ {bad += !($9 > 50)}             # of the longest documents
    name ~ /^18/ {bad += !($1 > 80)}             # letters copied
    END {exit bad || rows != (name ~ /^11/ ? 3 : name ~ /^1[56]/ ? 2 : 1)}' out || fail "$1 did not learn: $(cat out)"
}

# interrupted PROGRAM ARGUMENTS…: does Ctrl-C, pressed after the first step, stop a training run? On a fast or a busy machine
# it may come too late: after the program's end, or between its two runs, when it ends without advice.
interrupted() {
  local process status=0
  : >err  # the first line of progress comes after the first step
  "$@" >out 2>err & process=$!
  until grep -q "loss" err || ! kill -0 $process 2>/dev/null; do sleep 0.01; done
  kill -INT $process 2>/dev/null || true
  wait $process || status=$?
  ((status == 130 || status == 0)) || fail "$1 exits with $status after Ctrl-C: $(cat err)"
  ((status == 130)) && grep -q "to go on: " err
}

# Stopped by Ctrl-C after the first steps, and once more, a demo that is resumed leaves the same bytes as one that was left
# alone: parameters, optimizer, generator and curves.
for name in "${demos[@]}"; do
  case $name in
    13_* | 15_*) options="--steps 30" ;;
    14_*) options="--steps 20000" ;;  # they are short
    16_*) options="--steps 30 --labels 10" ;;
    18_*) options="--steps 30 --length 256 --dense" ;;
    *) options="--steps 30 --dense" ;;
  esac
  demo $name whole $options
  grep -q "^\[#*\] " err || fail "$name shows no progress"
  well_formed whole/page.html "</html>"
  command=("$programs/$name" $(inputs $name) --output parts $options)
  attempts=0
  until interrupted "${command[@]}" --restart && interrupted "${command[@]}" --resume; do
    ((++attempts < 20)) || fail "$name does not stop at Ctrl-C, or does not say how to go on: $(cat err)"
  done
  advice=$(grep -o "to go on: .*" err)
  rejects "holds a run that was stopped after" $name "${command[@]:1}"
  rejects "the run to go on with has seed '0', this one has '1'" $name "${command[@]:1}" --resume --seed 1
  bash -c "${advice#to go on: }" >out 2>err || fail "$name --resume: $(cat err)"
  for file in whole/checkpoint*.safetensors; do
    cmp $file parts/${file#*/} || fail "$name: the resumed run differs from the one that was left alone"
  done
  rm -r whole parts
done

for name in "${demos[@]}"; do
  case $name in
    09_*) options="--steps 150" ;;
    11_*) options="--steps 120" ;;
    12_*) options="--steps 150 --longest 4 --no-dense" ;;
    14_*) options="--steps 100" ;;
    16_*) options="--steps 60 --labels 10" ;;
    18_*) options="--steps 120 --length 256" ;;
    *) options="--steps 60" ;;
  esac
  demo $name learned --restart $options
  learned $name
  case $name in 10_* | 13_* | 15_*) iconv -f UTF-8 -t UTF-8 out >/dev/null || fail "$name writes broken UTF-8" ;; esac
done

# A stopped run does not go on with a finished dense run of another seed.
demo 11_digits halves --steps 3 --dense
endless=("$programs/11_digits" easy.csv --output halves --seed 1 --steps 1000000 --dense)
interrupted "${endless[@]}" || fail "11 does not stop at Ctrl-C: $(cat err)"
[[ ! -e halves/checkpoint-dense.safetensors ]] || fail "a dense run of another seed was left to go on with"
rejects "holds a run that was stopped after" 11_digits "${endless[@]:1}"

# What a resumed run can't be.
rejects "nowhere: holds no run to go on with" 11_digits easy.csv --output nowhere --resume
demo 11_digits digits --steps 2
rejects "is no checkpoint of this demo: it has no text" 10_character_transformer easy.txt --output digits --resume
cp easy.txt digits/checkpoint.safetensors
rejects "digits/checkpoint.safetensors" 11_digits easy.csv --output digits --resume
rejects "digits/checkpoint.safetensors" 11_digits easy.csv --output digits
demo 11_digits digits --steps 2 --restart
rejects "the run to go on with has network 'transformer, k = 3'" 11_digits easy.csv --output digits --resume --k 2
rejects "easy.txt/page" 11_digits easy.csv --output easy.txt/page
echo "the examples behave"
