#!/bin/bash
# Types one command as a terminal on this machine would: the folder, the variables, the functions
# and the aliases that earlier commands left are there.
#   typed [--interrupt] [--stays] COMMAND
# --interrupt ends what stays; --stays lets the command run on, until something interrupts it.
_typed_state=/var/lib/lab/terminal
mkdir -p "$_typed_state"
_typed_stays=''
while :; do
    case ${1-} in
    --interrupt)
        if [ -s "$_typed_state/running" ]; then
            kill -TERM -- "-$(cat "$_typed_state/running")" 2>/dev/null
            rm -f "$_typed_state/running"
        fi
        ;;
    --stays) _typed_stays=yes ;;
    *) break ;;
    esac
    shift
done
if [ -n "$_typed_stays" ]; then
    # a session of its own: all of it can be ended at once
    setsid "$0" "$1" </dev/null >"$_typed_state/output" 2>&1 &
    echo $! >"$_typed_state/running"
    exit 0
fi

_typed_save() {
    pwd >"$_typed_state/folder"
    {
        declare -p | grep -v -E '^declare -[A-Za-z]*r|^declare [^ ]* _typed_'
        declare -f
        alias -p
    } >"$_typed_state/shell" 2>/dev/null
}

printf '%s\n' "$1" >>"$HOME/.bash_history"
shopt -s expand_aliases
# shellcheck source=/dev/null
[ ! -f "$_typed_state/shell" ] || . "$_typed_state/shell" 2>/dev/null
cd -- "$(cat "$_typed_state/folder" 2>/dev/null || echo "$HOME")" || cd "$HOME" || exit 1
trap _typed_save EXIT
eval "$1"
