#!/usr/bin/env bash
# Renders a film of eight scenes on a real Slurm of one node, made for this test: two tasks at a time, one of them
# killed, one put back into the queue. Every picture and clip must be the one of a render without a cluster.
#
#   scripts/test_slurm.sh PROGRAM     PROGRAM is the reelboard to test
#
# Installs Slurm on Debian and Ubuntu if it is missing. Slurm runs on the loopback device only, from a temporary folder,
# and is gone afterwards, also after a failure. KEEP=yes keeps the folder.
set -euo pipefail

program=$(realpath "${1:?usage: scripts/test_slurm.sh PROGRAM}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Where the machine puts its daemons; a user's PATH often lacks it.
PATH=$PATH:/usr/sbin:/sbin

needs() {
    cat <<'NEEDS'
munge: tells Slurm's programs who is who
slurmctld: Slurm's queue
slurmd: Slurm on a machine that works
slurm-client: sbatch, squeue, scontrol
NEEDS
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install() {
    local name purpose packages=()
    while IFS=: read -r name purpose; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
            [ ${#packages[@]} -gt 0 ] || echo "The test needs these system packages, which are missing:"
            printf '  %-14s %s\n' "$name" "${purpose# }"
            packages+=("$name")
        fi
    done < <(needs)
    if [ ${#packages[@]} = 0 ]; then return; fi
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        echo "They cannot be installed without a password. Run this, then the same command again:" >&2
        echo "  sudo apt-get install --no-install-recommends ${packages[*]}" >&2
        exit 1
    fi
    echo "Installing them with apt-get…"
    as_root apt-get update -qq || echo "apt-get update failed; going on with the package lists that are here" >&2
    # The packages' own services have no configuration and stay off; what this test starts is its own.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then install; fi
for command in munged slurmctld slurmd sbatch squeue scontrol; do
    if ! command -v "$command" >/dev/null; then
        echo "$command is missing; install Slurm and munge with this system's package manager" >&2
        exit 1
    fi
done

folder=$(mktemp -d "${TMPDIR:-/tmp}/reelboard-slurm.XXXXXX")
# The daemons of munge insist on it: others may reach the socket.
chmod 755 "$folder"
daemons=()

tear_down() {
    local code=$? daemon
    trap - EXIT
    if [ $code != 0 ]; then
        echo "--- failed with code $code; the last words of the logs:" >&2
        tail -n 5 "$folder"/*.log "$folder"/films/*/farm/*/logs/*.log >&2 2>/dev/null || true
    fi
    scancel --user="$(id -un)" 2>/dev/null || true
    # The node before the queue, and both before what they prove themselves by.
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
        daemon=${daemons[i]}
        kill "$daemon" 2>/dev/null || true
        for ((try = 0; try < 100; try++)); do
            kill -0 "$daemon" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
    done
    # A task's own process would outlive the daemons.
    local left
    for left in $(leftovers); do kill -9 "$left" 2>/dev/null || true; done
    if [ "${KEEP:-}" = yes ]; then echo "kept $folder"; else rm -rf "$folder"; fi
    exit $code
}

# What this test has started and what still runs of it: jobs inherit its variables.
leftovers() {
    local process
    for process in /proc/[0-9]*; do
        if { tr '\0' '\n' <"$process/environ"; } 2>/dev/null | grep -qxF "REELBOARD_SLURM_TEST=$folder"; then
            echo "${process#/proc/}"
        fi
    done
}
trap tear_down EXIT
trap 'exit 130' INT TERM

# Calls a check until it holds, for at most so many seconds.
wait_for() {
    local what=$1 most=$2
    shift 2
    for ((try = 0; try < most * 20; try++)); do
        if "$@"; then return; fi
        sleep 0.05
    done
    echo "waited $most s in vain: $what" >&2
    exit 1
}

fail() {
    echo "$*" >&2
    exit 1
}

# --- a Slurm of one node ---

free_port() {
    local port
    for ((port = $1; port < $1 + 200; port++)); do
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    fail "no free port from $1 on"
}

start_slurm() {
    local host user controller node
    host=$(hostname -s) user=$(id -un)
    controller=$(free_port 16817) node=$(free_port $((controller + 1)))
    mkdir -m 755 "$folder/munge" "$folder/state" "$folder/spool"
    head -c 1024 /dev/urandom >"$folder/munge/key"
    chmod 400 "$folder/munge/key"
    # No accounts and no control groups: what a container has. Two processors, whatever the machine has.
    cat >"$folder/slurm.conf" <<CONF
ClusterName=reelboard
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$node
CommunicationParameters=NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmUser=$user
SlurmdUser=$user
SlurmdParameters=config_overrides
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=100000
ReturnToService=2
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    munged --foreground --socket="$folder/munge/socket" --key-file="$folder/munge/key" \
        --log-file="$folder/munge/log" --pid-file="$folder/munge/pid" --seed-file="$folder/munge/seed" \
        >"$folder/munge.log" 2>&1 &
    daemons+=($!)
    wait_for "munge's socket" 10 test -S "$folder/munge/socket"
    export SLURM_CONF=$folder/slurm.conf
    slurmctld -D -i >"$folder/slurmctld.out.log" 2>&1 &
    daemons+=($!)
    slurmd -D >"$folder/slurmd.out.log" 2>&1 &
    daemons+=($!)
    node_is_up() { [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; }
    wait_for "the node" 60 node_is_up
    echo "slurm $(sinfo --version | cut -d' ' -f2) is up with 2 processors: $(sinfo --noheader --format='%P %T %N')"
}

# --- the film ---

reelboard() {
    "$program" "$@"
}

# The pictures that the scenes show and that the cast has, one line each.
pictures() {
    reelboard show "$1" --json | sed -n 's/^ *"\(media\|picture\)": "\([^"]*\)".*/\1 \2/p'
    sed -n 's/^ *\(picture\|mask\): .*"\([0-9a-f]*\.[a-z]*\)".*/\1 \2/p' "$1/project.ron"
}

# The words that `farm status` has for a task, such as "scene 3".
state_of() {
    reelboard farm status "$film" | sed -n "s/^ *stills *$1  *//p"
}

export REELBOARD_SLURM_TEST=$folder
# Tells of each step in the logs of the tasks.
export RUST_LOG=reelboard::engine::pace=debug
export REELBOARD_CACHE=$folder/cache REELBOARD_MODELS=$folder/models REELBOARD_MODELS_RON=$folder/models.ron
# The tiny studio, with enough steps for a still that its task can be met at work.
sed 's/defaults: (steps: 4, guidance: 7.5/defaults: (steps: 24, guidance: 7.5/' models.ron >"$REELBOARD_MODELS_RON"
mkdir "$folder/films"
# A name that no script may stumble over.
film="$folder/films/it's a \"paper boat\" \$1 100%.reel"
local_film=$folder/films/local.reel
reelboard new "$film" --premise "A keeper and her dog rescue a paper boat" >/dev/null
reelboard write "$film" --text - >/dev/null <<'TEXT'
The keeper lights the lamp in the lighthouse.
The dog barks at the paper boat on the stormy sea.
The keeper runs down to the rocky shore.
The dog jumps into the stormy sea.
The paper boat turns in circles on the stormy sea.
The keeper throws a rope from the rocky shore.
The dog carries the paper boat to the rocky shore.
The keeper dries the paper boat in the lighthouse.
TEXT
cp -r "$film" "$local_film"
scenes=$(reelboard show "$film" --json | grep -c '"prompt"')
[ "$scenes" = 8 ] || fail "the film has $scenes scenes, not 8"

start=$SECONDS
# With a cache of its own: what its clips begin with must not help the cluster's.
REELBOARD_CACHE=$folder/cache.local reelboard render "$local_film" --studio tiny >"$folder/local.log" 2>&1 || fail "the local render failed: $(tail -n 1 "$folder/local.log")"
echo "rendered without a cluster in $((SECONDS - start)) s"

start_slurm
start=$SECONDS
reelboard farm slurm "$film" --studio tiny --tasks 2
run=$film/farm/1
most=0

# The process of the worker that renders scene $1.
worker_of() {
    local process
    for process in $(pgrep -x "$(basename "$program" | cut -c 1-15)"); do
        { tr '\0' '\n' <"/proc/$process/environ"; } 2>/dev/null >"$folder/environ" || continue
        if grep -qxF "REELBOARD_SLURM_TEST=$folder" "$folder/environ" && grep -qxF "SLURM_ARRAY_TASK_ID=$1" "$folder/environ" &&
            grep -qxF "SLURM_JOB_NAME=reelboard-stills" "$folder/environ"; then
            echo "$process"
        fi
    done
}

# Stops a worker in the middle of its work, of the scenes from $1 on, and sets `stopped` and `stopped_process`.
stop_a_worker() {
    local scene process
    for ((scene = $1; scene <= 8; scene++)); do
        if [ -e "$run/results/stills-$scene.ron" ]; then continue; fi
        process=$(worker_of "$scene")
        if [ -z "$process" ]; then continue; fi
        kill -STOP "$process" 2>/dev/null || continue
        # Stopped before its picture was finished, or too late.
        if grep -q denoising "$run/logs/stills-$scene.log" 2>/dev/null && [ ! -e "$run/results/stills-$scene.ron" ]; then
            stopped=$scene stopped_process=$process
            return 0
        fi
        kill -CONT "$process"
    done
    return 1
}

# Once it is in the queue again, without the two minutes for which Slurm puts off what was put back.
hurry() {
    local job
    job=$(squeue --noheader --array --states=PENDING --format='%i %r' | sed -n "s/^\([0-9]*_$1\) BeginTime$/\1/p")
    [ -n "$job" ] && scontrol update "JobId=$job" StartTime=now
}

stopped='' stopped_process=''
wait_for "a worker that denoises" 120 stop_a_worker 1
killed=$stopped
echo "scene $killed is being rendered: $(state_of "scene $killed")"
kill -9 "$stopped_process"
echo "killed its worker, process $stopped_process"
wait_for "the killed task to be put back" 30 hurry "$killed"
echo "scene $killed is back in the queue: $(state_of "scene $killed")"

wait_for "another worker that denoises" 120 stop_a_worker $((killed + 1))
requeued=$stopped
job=$(squeue --noheader --array --states=RUNNING --format=%i | grep "_$requeued\$")
scontrol requeue "$job"
kill -CONT "$stopped_process" 2>/dev/null || true
echo "put scene $requeued back into the queue with scontrol requeue $job"
wait_for "the task to be in the queue again" 30 hurry "$requeued"

is_over() {
    local running
    running=$(squeue --noheader --array --states=RUNNING --format=%j | grep -cv collect || true)
    if [ "$running" -gt "$most" ]; then most=$running; fi
    [ -z "$(squeue --noheader --format=%i)" ]
}
wait_for "the end of all jobs" 180 is_over
echo "all jobs have ended after $((SECONDS - start)) s"
[ "$most" -le 2 ] || fail "$most tasks ran at the same time"

reelboard farm status "$film"
grep -q "the worker ended with code 137; back into the queue" "$run/logs/stills-$killed.log" || fail "scene $killed was not killed"
grep -q "DUE TO JOB REQUEUE" "$run/logs/stills-$requeued.log" || fail "scene $requeued was not put back"
# The workers say each step that they begin with: nothing but the step in which one was stopped is made twice.
for scene in "$killed" "$requeued"; do
    log=$run/logs/stills-$scene.log
    [ "$(grep -c denoising "$log")" -ge 2 ] || fail "scene $scene was not rendered twice"
    sed -n 's/.*: step \([0-9]*\) of 24$/\1/p' "$log" >"$folder/steps"
    made=$(wc -l <"$folder/steps") steps=$(sort -nu "$folder/steps" | wc -l)
    [ "$steps" = 24 ] || fail "scene $scene tells of $steps steps, not 24"
    [ "$made" -le 25 ] || fail "scene $scene did not go on from its last step: $made steps were made for 24"
    echo "scene $scene went on from its last step: $made steps were made for 24"
done
[ -z "$(ls "$run/unfinished")" ] || echo "what the killed worker had not finished: $(ls "$run/unfinished")"

# The last job has taken everything in.
waiting=$(reelboard farm collect "$film")
[ -z "$waiting" ] || fail "the last job left results behind: $waiting"
pictures "$film" >"$folder/cluster.pictures"
pictures "$local_film" >"$folder/local.pictures"
if ! diff "$folder/local.pictures" "$folder/cluster.pictures"; then fail "the pictures differ"; fi
[ "$(grep -c '^media ' "$folder/cluster.pictures")" = 16 ] || fail "there are not eight stills and eight clips"
diff -r "$local_film/media" "$film/media" || fail "the media folders differ"
echo "all $(wc -l <"$folder/cluster.pictures") pictures of the two films are the same"
again=$(reelboard farm slurm "$film" --studio tiny 2>&1)
[ "$again" = "nothing to render: what was asked for is finished" ] || fail "it would render again: $again"
echo "passed"
