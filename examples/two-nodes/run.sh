#!/usr/bin/env bash
# Two nodes on this machine, set up as two agencies would on two: init, run, cards, telephone
# call, policy, a record there and back. Everything is in a temporary folder and goes with it.
#
#     cargo build && examples/two-nodes/run.sh
#
# LIAISON names the program (default: target/debug/liaison); KEEP=1 keeps the folder. The
# ports are 127.0.0.1:7411 and 7412, or PORTS="A B".
set -euo pipefail
cd "$(dirname "$0")/../.."

liaison=${LIAISON:-target/debug/liaison}
read -r port_a port_b <<<"${PORTS:-7411 7412}"
[ -x "$liaison" ] || { echo "no $liaison: type 'cargo build' first" >&2; exit 1; }

dir=$(mktemp -d)
nodes=()
finish() {
  [ ${#nodes[@]} -eq 0 ] || { kill "${nodes[@]}" 2>/dev/null || true; wait; }
  if [ -n "${KEEP:-}" ]; then echo "kept: $dir"; else rm -rf "$dir"; fi
}
trap finish EXIT

border() { "$liaison" --home "$dir/border" "$@"; }
lantern() { "$liaison" --home "$dir/lantern" "$@"; }
say() { printf '\n== %s\n' "$*"; }

# Runs a command until it prints what is expected, for 20 seconds at most.
until_it_says() {
  local expected=$1 found='' tries=0
  shift
  until found=$("$@" 2>&1) && [ "$found" = "$expected" ]; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
      echo "'$*' says '$found', not '$expected'; the logs: $dir/*.log" >&2
      KEEP=1
      exit 1
    fi
    sleep 0.2
  done
}

start() {
  local name=$1 port=$2 ready=''
  "$liaison" --home "$dir/$name" run --listen "127.0.0.1:$port" \
    >"$dir/$name.out" 2>"$dir/$name.log" &
  nodes+=($!)
  # One line on standard output says that it is ready.
  until [ -s "$dir/$name.out" ]; do
    kill -0 $! 2>/dev/null || { cat "$dir/$name.log" >&2; exit 1; }
    sleep 0.1
  done
  read -r ready <"$dir/$name.out"
  echo "$ready"
}

say "Each agency makes its node"
border init --name "Narova Border Police (fictional)" --country QN --sector border \
  --route-role transit --address "127.0.0.1:$port_a" >"$dir/border.init"
lantern init --name "Lantern House (fictional)" --country QN --sector ngo \
  --route-role transit --address "127.0.0.1:$port_b" >"$dir/lantern.init"
start border "$port_a"
start lantern "$port_b"

say "Each sends its card to the other, by e-mail say"
border card export "$dir/border.card" 2>/dev/null
lantern card export "$dir/lantern.card" 2>/dev/null

say "They telephone: each reads out its own 30 digits, the other types them in"
digits() { "$@" card show --json "$card" | sed 's/.*"fingerprint":"\([0-9 ]*\)".*/\1/'; }
card="$dir/border.card" && of_border=$(digits border)
card="$dir/lantern.card" && of_lantern=$(digits lantern)
echo "border reads out   $of_border"
echo "lantern reads out  $of_lantern"
border peer add "$dir/lantern.card" --as lantern --fingerprint "$of_lantern"
lantern peer add "$dir/border.card" --as border --fingerprint "$of_border"

say "Each takes a sample policy and applies it"
cp -r examples/policies/police/* "$dir/border/policy/" && rm "$dir/border/policy/policy.cedar"
cp -r examples/policies/ngo/* "$dir/lantern/policy/" && rm "$dir/lantern/policy/policy.cedar"
# Proven where the solver is installed; otherwise it is said that it is not.
command -v cvc5 >/dev/null && unproven= || unproven=--unproven
border policy apply --reason "two-nodes example" $unproven | tail -n +1 | head -1
lantern policy apply --reason "two-nodes example" $unproven | head -1
border peer test lantern

say "border writes a record; who would get it, and by which rule?"
border record template trend >"$dir/trend.json"
border push "$dir/trend.json" --dry-run
id=$(border push "$dir/trend.json" --yes 2>/dev/null)
echo "pushed: $id"

say "lantern has it"
until_it_says 1 lantern query kind:trend --count
lantern query kind:trend --sum --by dim.age
border why "$id" lantern

say "border takes it back, and it is gone at lantern"
border retract "$id" --reason error --yes
until_it_says 0 lantern query measure:presumed-victims --count

say "OK"
