# Shared by the scripts of this folder (sourced): silence while all goes well, the whole output when something fails.

# quietly TITLE COMMAND...: prints the title and the seconds; on failure the command's output too, and fails.
# With BRIEF=1 a command that took less than 2 s is not mentioned.
quietly() {
  local title=$1 log started=$SECONDS
  shift
  log=$(mktemp)
  if "$@" > "$log" 2>&1; then
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

# Two terminals may build the same tree: the second one waits for the first.
only_one_at_a_time() {
  mkdir -p .cache
  exec 9> ".cache/$1.lock"
  flock 9
}
