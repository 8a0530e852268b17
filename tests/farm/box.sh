# shellcheck shell=bash
# A Slurm of its own on this machine, for tests; sourced. One controller and a few nodes, all of them
# this host, free ports, everything below one folder, no other user, no security: jobs of the caller only.
#
#   box_start FOLDER NODES    0 when all nodes are idle; else 1, why is in $box_why. Sets SLURM_CONF.
#   box_stop                  nothing that was started in the box is left, whatever happened before
#   box_node_pid N            the process of node wN
#   box_idle                  there are no jobs
#   box_log                   what the daemons said that sounds bad, to standard output
#
# Every process of the box has SLURM_CONF in its environment, and the folder's name is in no other: that
# is how box_stop finds steps whose daemon was killed, and what they run.

box_folder=
box_why=
box_pids=() # the controller, then the nodes

box_missing() {
    local program

    for program in setpriv slurmctld slurmd sbatch squeue sinfo scontrol; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || echo "$program"
    done
}

# listening PORT: somebody is
listening() {
    local hex

    hex=$(printf ':%04X' "$1")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$hex" '
        $4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# The first of $1 ports on end that nobody listens at; below those that outgoing connections get.
box_free_ports() {
    local first port n=$1

    for ((first = 12000 + $$ % 1000 * 16; ; first = 12000 + (first + 16 - 12000) % 18000)); do
        for ((port = first; port < first + n; port++)); do
            ! listening "$port" || continue 2
        done
        echo "$first"
        return
    done
}

box_configure() { # NODES PORT
    local host user i device

    host=$(hostname -s 2>/dev/null || cat /proc/sys/kernel/hostname)
    host=${host%%.*}
    user=$(id -un)
    mkdir -p "$box_folder/state" "$box_folder/log"
    cat >"$box_folder/slurm.conf" <<CONF
ClusterName=onebox
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$2
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
StateSaveLocation=$box_folder/state
SlurmdSpoolDir=$box_folder/spool/%n
SlurmctldPidFile=$box_folder/slurmctld.pid
SlurmdPidFile=$box_folder/slurmd.%n.pid
SlurmctldLogFile=$box_folder/log/slurmctld.log
SlurmdLogFile=$box_folder/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SlurmdTimeout=10
KillWait=5
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0
CONF
    # Four GPUs that are none, so that scripts may ask for one.
    : >"$box_folder/gres.conf"
    for ((i = 1; i <= $1; i++)); do
        mkdir -p "$box_folder/spool/w$i"
        echo "NodeName=w$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$(($2 + i)) CPUs=4" \
            "RealMemory=512 Gres=gpu:4 State=UNKNOWN" >>"$box_folder/slurm.conf"
        for device in null zero full random; do
            echo "NodeName=w$i Name=gpu File=/dev/$device" >>"$box_folder/gres.conf"
        done
    done
    echo "PartitionName=scan Nodes=ALL Default=YES State=UP" >>"$box_folder/slurm.conf"
    # The only plug-in of Slurm 22.05 that starts where nobody set up control groups.
    echo "CgroupPlugin=cgroup/v1" >"$box_folder/cgroup.conf"
}

box_idle() {
    local jobs

    jobs=$(squeue -h 2>/dev/null) && [ -z "$jobs" ]
}

# All are idle, or something is wrong already.
box_settled() {
    local pid

    for pid in "${box_pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || return 0
    done
    [ "$(sinfo -h -N -t idle 2>/dev/null | wc -l)" = "$((${#box_pids[@]} - 1))" ]
}

box_alive() {
    local pid

    for pid in "${box_pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || return 1
    done
}

box_node_pid() {
    echo "${box_pids[$1]}"
}

# Processes that were started in the box, but for this one.
box_processes() {
    local environment pid

    for environment in /proc/[0-9]*/environ; do
        pid=${environment#/proc/}
        pid=${pid%/environ}
        if [ "$pid" != "$$" ] && [ "$pid" != "$BASHPID" ] && tr '\0' '\n' 2>/dev/null <"$environment" |
            grep -qxF "SLURM_CONF=$box_folder/slurm.conf"; then
            echo "$pid"
        fi
    done 2>/dev/null
}

box_stop() {
    local pid round

    [ -n "$box_folder" ] || return 0
    if [ "${#box_pids[@]}" -gt 0 ]; then
        kill "${box_pids[@]}" 2>/dev/null
    fi
    # Twice: what is being killed may have started something.
    for round in 1 2; do
        [ "$round" = 2 ] || sleep 0.3
        for pid in $(box_processes); do
            kill -9 "$pid" 2>/dev/null
        done
    done
    if [ "${#box_pids[@]}" -gt 0 ]; then
        wait "${box_pids[@]}" 2>/dev/null
    fi
    box_pids=()
}

box_log() {
    grep -hiE 'error|fatal|setpriv' "$box_folder"/log/*.log "$box_folder"/*.out 2>/dev/null |
        grep -viE 'mpi|pmix|state (save )?file|state file' | tail -n 20
}

box_try() { # NODES
    local i port

    port=$(box_free_ports $(($1 + 1)))
    rm -rf "${box_folder:?}"
    mkdir -p "$box_folder"
    box_configure "$1" "$port"
    # Whoever kills the test kills the daemons with it.
    setpriv --pdeathsig KILL slurmctld -D -c >"$box_folder/slurmctld.out" 2>&1 &
    box_pids=($!)
    for ((i = 1; i <= $1; i++)); do
        setpriv --pdeathsig KILL slurmd -D -N "w$i" >"$box_folder/slurmd.w$i.out" 2>&1 &
        box_pids+=($!)
    done
    for ((i = 0; i < 300; i++)); do
        ! box_settled || break
        sleep 0.1
    done
    box_alive && [ "$(sinfo -h -N -t idle 2>/dev/null | wc -l)" = "$1" ]
}

box_start() {
    local round

    box_why=$(box_missing | tr '\n' ' ')
    if [ -n "$box_why" ]; then
        box_why="not installed: $box_why"
        return 1
    fi
    box_folder=$(realpath -m "$1")
    export SLURM_CONF=$box_folder/slurm.conf PATH=$PATH:/usr/sbin:/sbin
    # Another test may take a port between the look and the start.
    for round in 1 2 3; do
        ! box_try "$2" || return 0
        box_why="Slurm does not start here (round $round): $(box_log | tail -n 1)"
        box_stop
    done
    return 1
}
