#!/usr/bin/env bash
# Takes the pictures in docs/ from the real window, on a screen that exists in memory only.
#
#   scripts/screenshots.sh             all of them
#   REELBOARD=path/to/reelboard scripts/screenshots.sh
#
# `scripts/setup.sh gui-trial` installs what it needs. The user's own projects, settings and models are not touched:
# everything happens in a temporary folder. Look at the pictures before committing them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

reelboard=${REELBOARD:-${CARGO_TARGET_DIR:-target}/debug/reelboard}
[ -x "$reelboard" ] || { echo "$reelboard is not there: run \"make run\" once, or set REELBOARD" >&2; exit 1; }
reelboard=$(realpath "$reelboard")
for program in Xvfb xdotool import convert; do
    command -v "$program" >/dev/null || { echo "$program is missing: run scripts/setup.sh gui-trial" >&2; exit 1; }
done

width=1440 height=900
largest_bytes=250000
# How long anything may take before it counts as broken; a software rasteriser on two cores is slow.
patience_secs=60

work=$(mktemp -d -t reelboard-XXXXXX)
window_pid="" screen_pid=""
clean_up() {
    [ -z "$window_pid" ] || kill "$window_pid" 2>/dev/null || true
    [ -z "$screen_pid" ] || kill "$screen_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_DATA_HOME=$work/home/.local/share
export XDG_RUNTIME_DIR=$work/run REELBOARD_PROJECTS=$work/films
unset WAYLAND_DISPLAY REELBOARD_MODELS_RON
mkdir -p "$HOME" "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$REELBOARD_PROJECTS" docs
mkdir -m 700 "$XDG_RUNTIME_DIR"

# until_true SECONDS COMMAND…: repeats the command until it succeeds.
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "gave up waiting for: $*" >&2
            return 1
        fi
        sleep 0.1
    done
}

has_display_number() {
    [ -s "$work/display" ]
}

start_screen() {
    # Xvfb itself finds a free display and says which.
    Xvfb -displayfd 3 -screen 0 "${width}x${height}x24" -nolisten tcp 3>"$work/display" 2>"$work/xvfb.log" &
    screen_pid=$!
    until_true "$patience_secs" has_display_number
    DISPLAY=:$(tr -d '[:space:]' <"$work/display")
    export DISPLAY
}

find_window() {
    kill -0 "$window_pid" || { cat "$work/window.log" >&2; exit 1; }
    window=$(xdotool search --onlyvisible --name 'Reelboard' 2>/dev/null | head -n 1)
    [ -n "$window" ]
}

# Opens the window, on a project if one is given, and gives it the keyboard: there is no window manager that would.
open_window() {
    "$reelboard" "$@" >"$work/window.log" 2>&1 &
    window_pid=$!
    until_true "$patience_secs" find_window
    xdotool windowfocus "$window"
    xdotool mousemove "$((width - 2))" "$((height - 2))"
}

close_window() {
    kill "$window_pid"
    wait "$window_pid" 2>/dev/null || true
    window_pid=""
}

shoot() {
    import -silent -window root "$work/$1.png"
}

# Whether the screen shows something, and has not changed between two looks. The second is later than any delay of the
# window's own: it fades hints in and draws pictures in the background.
is_still() {
    shoot before
    [ "$(identify -format %k "$work/before.png")" -gt 50 ] || return 1
    sleep 0.7
    shoot after
    [ "$(identify -format %# "$work/before.png")" = "$(identify -format %# "$work/after.png")" ]
}

# Saves a picture with a palette: as it is, else smaller, else also without the grain that hides the palette's steps.
keep() {
    local picture=docs/$2.png how
    for how in "" "-resize 1200x" "-resize 1200x +dither"; do
        # shellcheck disable=SC2086 # several words
        convert "$work/$1.png" -strip $how -colors 256 -define png:compression-level=9 "PNG8:$picture"
        [ "$(stat -c %s "$picture")" -gt "$largest_bytes" ] || break
    done
    echo "$picture: $(identify -format '%w×%h' "$picture"), $(stat -c %s "$picture") bytes"
}

keep_when_still() {
    until_true "$patience_secs" is_still
    keep after "$1"
}

click() {
    xdotool mousemove "$1" "$2" click 1
}

# Where the window draws a moment of the film, in a timeline that nobody has zoomed or scrolled.
ruler_y=711
timeline_x() {
    echo $((14 + $1 * 5943 / 100000))
}

# Where the playhead, the only red thing on the ruler, stands in a picture: its moment of the film in milliseconds.
playhead_ms() {
    convert "$work/$1.png" -crop "${width}x1+0+$ruler_y" +repage -depth 8 txt:- |
        awk -F '[(),:]' '$4 > 180 && $5 < 140 && $6 < 140 { sum += $1; n++ }
            END { print n ? int((sum / n - 14) * 100000 / 5943) : 0 }'
}

# shoot_while_playing MILLISECONDS: plays, and takes a picture near this moment. How long it takes from the key to the
# picture depends on the machine, so a try that comes too early or too late tells where the next one has to begin.
shoot_while_playing() {
    local wanted=$1 from=$(($1 - 300)) seen try
    for try in 1 2 3 4 5 6; do
        click "$(timeline_x "$from")" "$ruler_y"
        until_true "$patience_secs" is_still
        xdotool key space
        sleep 0.4
        shoot playing
        xdotool key space
        until_true "$patience_secs" is_still
        seen=$(playhead_ms playing)
        if [ "$seen" -ge $((wanted - 150)) ] && [ "$seen" -le $((wanted + 150)) ]; then return; fi
        echo "try $try shows $seen ms instead of $wanted ms" >&2
        from=$((from + wanted - seen))
    done
    return 1
}

# A paper boat on a table, as a camera without much talent would see it.
draw_photo() {
    convert -size 900x700 gradient:'#9fb4b8'-'#6d8288' \
        \( -size 900x260 gradient:'#7a5233'-'#4d3220' \) -geometry +0+440 -composite \
        \( -size 900x700 xc:none -fill 'rgba(20,12,6,0.55)' -draw 'ellipse 455,566 250,26 0,360' -blur 0x14 \) -composite \
        -fill '#e9e4d6' -draw 'polygon 330,470 452,225 575,470' \
        -fill '#cfc8b4' -draw 'polygon 452,225 575,470 452,470' \
        -fill '#f6f2e8' -draw 'polygon 170,400 452,470 735,400 630,565 285,565' \
        -fill '#ddd6c4' -draw 'polygon 452,470 735,400 630,565 452,565' \
        -attenuate 0.12 +noise Gaussian -blur 0x0.7 -quality 92 "$1"
}

start_screen
film=$REELBOARD_PROJECTS/paper-boat.reel

open_window
keep_when_still start
close_window

"$reelboard" new "$film" --example >/dev/null
open_window "$film"
keep_when_still storyboard
# The middle of the dissolve into the last scene.
shoot_while_playing 18625
keep playing playing
xdotool key Home
xdotool key ctrl+e
keep_when_still export
close_window

draw_photo "$work/my-boat.jpg"
"$reelboard" photo "$film" "paper boat" "$work/my-boat.jpg"
open_window "$film"
until_true "$patience_secs" is_still
click 120 260
keep_when_still photo
close_window
