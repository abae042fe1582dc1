#!/usr/bin/env bash
# Scores a folder of files as a Slurm array job: one output for each input file, each whole or absent.
#
#   sbatch --array=1-16 slurm.sh --model rm.gguf --input data --output scores
#
# Everything after slurm.sh goes to `starling-rm score` (or to $COMMAND: rank, eval). A task does its share of the files, skips
# those that are whole, and may be killed at any time: the same command goes on from there. Afterwards, or whenever you like:
#
#   starling-rm score --model rm.gguf --input data --output scores --check
#
#SBATCH --job-name=starling-rm
#SBATCH --output=%x-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=16
#SBATCH --mem=48G
#SBATCH --time=08:00:00
# Preempted tasks, and those of a node that failed, start again.
#SBATCH --requeue
# Five minutes before the time is up this script gets USR1, and puts the task back into the queue.
#SBATCH --signal=B:USR1@300
# With a GPU: #SBATCH --gpus-per-task=1, and --batch-mode exact in the command where bits matter.
set -euo pipefail

# A task that was killed (for memory, by a fault) is put back this many times.
max_restarts=3

: "${SLURM_ARRAY_TASK_ID:?is not set: submit with sbatch --array=1-N slurm.sh …}"
# Arrays may begin with 0; shares are counted from 1.
offset=$((SLURM_ARRAY_TASK_MIN == 0 ? 1 : 0))
share=$((SLURM_ARRAY_TASK_ID + offset))
shares=${SHARES:-$((SLURM_ARRAY_TASK_MAX + offset))}

# Such as "apptainer exec --nv starling-rm.sif starling-rm".
read -ra program <<< "${STARLING_RM:-starling-rm}"
arguments=("${COMMAND:-score}" "$@" --shard "$share/$shares")
if [ -n "${SLURM_CPUS_PER_TASK:-}" ]; then arguments+=(--threads "$SLURM_CPUS_PER_TASK"); fi

requeue() {
  echo "$1: the task goes back into the queue" >&2
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
}

# The shell gets the signals, and passes them on: the program ends at once and leaves no half output.
received=''
signals=0
child=''
# shellcheck disable=SC2317 # Called by the traps.
stop() {
  received=$1
  signals=$((signals + 1))
  if [ -n "$child" ]; then kill -TERM "$child" 2> /dev/null || true; fi
}
trap 'stop USR1' USR1
trap 'stop TERM' TERM INT

"${program[@]}" "${arguments[@]}" &
child=$!
if [ -n "$received" ]; then kill -TERM "$child"; fi
# A signal ends `wait` before the program ends.
while true; do
  before=$signals
  code=0
  wait "$child" || code=$?
  if [ "$before" = "$signals" ]; then break; fi
done

if [ "$code" = 0 ]; then exit 0; fi
if [ "$received" = USR1 ]; then
  requeue "the time is up"
elif [ "$received" = '' ] && [ "$code" -gt 128 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$max_restarts" ]; then
  requeue "killed by signal $((code - 128))"
fi
# 1: some rows failed, all outputs are written; 2: the message above says why. TERM: Slurm knows whether the task comes back.
exit "$code"
