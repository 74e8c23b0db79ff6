# mc METHOD PATH [JSON]: prints the answer, then its status; fails unless that is 2xx.
mc() {
  mc_method=$1 mc_path=$2
  shift 2
  [ $# -eq 0 ] || set -- -H 'Content-Type: application/json' --data-raw "$1"
  mc_answer=$(printf 'header = "X-Agent-Token: %s"\n' "$AUTH_TOKEN" |
    curl -sS -K - --max-time 60 -X "$mc_method" "$BASE_URL$mc_path" -w '\n%{http_code}' "$@") || return
  printf '%s\n' "$mc_answer"
  case ${mc_answer##*[!0-9]} in 2??) ;; *) return 1 ;; esac
}
