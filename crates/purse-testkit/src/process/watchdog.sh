# Becomes a server and leaves behind a watchdog that ends it when its owner dies.
#
# Run as: sh -c WATCHDOG sh DIRECTORY COMMAND...
# stdin:  a pipe whose other end only the owner holds. It ends when the owner does, however that
#         dies: then the watchdog kills the server and removes DIRECTORY. Before that the owner may
#         write one of these lines:
#           reaped   the server is gone and its pid may soon be somebody else's: do not kill it
#           dismiss  nothing is left to do
#
# The server keeps the pid of this shell ($$, in the subshell too), so it is a child of the owner.

directory=$1
shift
exec 3<&0

# The outer subshell ends at once, so the watchdog is not a child of the server.
(
    (
        # A process group left with a stopped process in it is sent SIGHUP.
        trap '' HUP INT TERM
        PATH=/usr/bin:/bin:$PATH
        pid=$$
        while read -r word <&3; do
            case $word in
                reaped) pid= ;;
                dismiss) exit 0 ;;
            esac
        done
        [ -z "$pid" ] || kill -9 "$pid"
        # A server that is just dying may still add a file to a directory being removed.
        tries=50
        until rm -rf -- "$directory" || [ "$tries" -eq 0 ]; do
            tries=$((tries - 1))
            sleep 0.02
        done
    ) </dev/null >/dev/null 2>&1 &
)

exec "$@" </dev/null 3<&-
