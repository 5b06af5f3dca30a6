# Shared by the scripts of this folder (sourced): silence while all goes well, the whole output when something fails.

# quietly TITLE COMMAND...: prints the title and the seconds; on failure the command's output too, and fails.
# With BRIEF=1 a command that took less than 2 s is not mentioned.
quietly() {
  local title=$1 log started=$SECONDS
  shift
  log=$(mktemp)
  if with_progress "$title" "$log" "$@"; then
    if [[ -z ${BRIEF:-} || $((SECONDS - started)) -ge 2 ]]; then echo "$title ($((SECONDS - started)) s)"; fi
    rm -f "$log"
  else
    local status=$?
    cat "$log" >&2
    rm -f "$log"
    echo "$title: failed" >&2
    return $status
  fi
}

# with_progress TITLE LOG COMMAND...: its output goes into LOG. Somebody at a terminal sees the seconds, and the last line of it.
with_progress() {
  local title=$1 log=$2 status=0 watcher
  shift 2
  if [[ ! -t 1 ]]; then
    "$@" > "$log" 2>&1
    return
  fi
  show_progress "$title" "$log" $$ &
  watcher=$!
  "$@" > "$log" 2>&1 || status=$?
  { kill $watcher && wait $watcher; } 2> /dev/null || true
  printf '\r\e[K'
  return $status
}

# Ends with the script: Ctrl-C does not reach what runs in the background.
show_progress() {
  local title=$1 log=$2 script=$3 started=$SECONDS
  while sleep 1 && kill -0 "$script" 2> /dev/null; do
    printf '\r\e[K%.*s' "$((${COLUMNS:-$(tput cols)} - 1))" "$title ($((SECONDS - started)) s) $(tail -n 1 "$log" | tr -d '\r')"
  done
}

# Two terminals may build the same tree: the second one waits for the first.
only_one_at_a_time() {
  mkdir -p .cache
  exec 9> ".cache/$1.lock"
  flock 9
}
