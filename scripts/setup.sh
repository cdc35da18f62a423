#!/usr/bin/env bash
# Gets the machine ready to build and run Reelboard: says what is missing and why, and installs it on Debian and Ubuntu.
#
#   scripts/setup.sh             to build, test and run
#   scripts/setup.sh gui-trial   also what drives and photographs the window on a machine without a screen
#
# Asks nothing. When nothing is missing it changes nothing and prints nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Each line: the names that a package goes by, a colon, and what it is for. Newer Debian and Ubuntu have put "t64" behind
# some names; that is tried for every name and need not be listed.
needs() {
    cat <<'NEEDS'
build-essential: links the program
pkg-config pkgconf: finds the libraries
libavcodec-dev: FFmpeg, to read and write film
libavformat-dev: FFmpeg, to read and write film
libavutil-dev: FFmpeg, to read and write film
libswscale-dev: FFmpeg, to convert colours
libswresample-dev: FFmpeg, to convert sound
libvulkan1: draws the window on the graphics card
mesa-vulkan-drivers: draws the window where there is no graphics card, as in tests
libx11-6: the window under X11
libx11-xcb1: the window under X11
libxcursor1: the mouse pointer under X11
libxi6: mouse and pen under X11
libxrandr2: screens under X11
libxkbcommon0: the keyboard
libxkbcommon-x11-0: the keyboard under X11
libwayland-client0: the window under Wayland
libegl1: the window under Wayland
libdbus-1-3: the desktop's file dialog
NEEDS
    if [ "${1:-}" = gui-trial ]; then
        cat <<'NEEDS'
xvfb: a screen that exists in memory only
xdotool: presses keys and moves the mouse in it
imagemagick: takes pictures of it
ffmpeg: looks into exported films
NEEDS
    fi
}

# One question to dpkg for all packages: this runs before every build.
read_installed() {
    declare -gA has=()
    local state package
    while read -r state package; do
        if [ "$state" = installed ]; then has[$package]=yes; fi
    done < <(dpkg-query -W -f='${db:Status-Status} ${Package}\n')
}

installed() {
    [ -n "${has[$1]:-}" ]
}

offered() {
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

# The version N for which both libclang1-N and its headers libclang-common-N-dev pass a check ("installed", "offered").
# Without the headers bindgen does not find limits.h.
libclang_version() {
    local check=$1 version
    shift
    for version in "$@"; do
        if "$check" "libclang-common-$version-dev" && { "$check" "libclang1-$version" || "$check" "libclang1-${version}t64"; }; then
            echo "$version"
            return
        fi
    done
    return 1
}

installed_libclang() {
    local package versions=()
    for package in "${!has[@]}"; do
        case $package in libclang-common-*-dev)
            package=${package#libclang-common-}
            versions+=("${package%-dev}")
            ;;
        esac
    done
    libclang_version installed "${versions[@]}"
}

# The packages to install for libclang: those of the version that the distribution's libclang-dev stands for.
offered_libclang() {
    local version
    version=$(apt-cache depends libclang-dev 2>/dev/null | sed -n 's/.*Depends: libclang-\([0-9.]*\)-dev$/\1/p' | head -n 1)
    if version=$(libclang_version offered "$version"); then
        if offered "libclang1-$version"; then echo "libclang1-$version"; else echo "libclang1-${version}t64"; fi
        echo "libclang-common-$version-dev"
    else
        echo libclang-dev
    fi
}

# The lines of `needs` of which no name is installed.
missing() {
    local names purpose name found
    needs "${1:-}" | while IFS=: read -r names purpose; do
        found=
        for name in $names; do
            if installed "$name" || installed "${name}t64"; then found=yes; fi
        done
        [ -n "$found" ] || echo "$names:$purpose"
    done
}

# Runs a command as root without asking for a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

debian() {
    local lines names purpose name chosen packages=() rows=()
    read_installed
    lines=$(missing "${1:-}")
    if [ -z "$lines" ] && installed_libclang >/dev/null; then
        return
    fi

    # The lists say which of a package's names this system knows; a fresh machine has none yet.
    if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
        as_root apt-get update -qq || echo "apt-get update failed; going on with the package lists that are here" >&2
    fi
    while IFS=: read -r names purpose; do
        [ -n "$names" ] || continue
        chosen=
        for name in $names; do
            for name in "$name" "${name}t64"; do
                if [ -z "$chosen" ] && offered "$name"; then chosen=$name; fi
            done
        done
        chosen=${chosen:-${names%% *}}
        packages+=("$chosen")
        rows+=("$(printf '  %-26s %s' "$chosen" "${purpose# }")")
    done <<<"$lines"
    if ! installed_libclang >/dev/null; then
        while read -r name; do
            packages+=("$name")
            rows+=("$(printf '  %-26s %s' "$name" "reads FFmpeg's headers while building")")
        done < <(offered_libclang)
    fi

    echo "Reelboard needs these system packages, which are missing:"
    printf '%s\n' "${rows[@]}"
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        echo "They cannot be installed without a password. Run this, then the same command again:" >&2
        echo "  sudo apt-get install --no-install-recommends ${packages[*]}" >&2
        exit 1
    fi
    echo "Installing them with apt-get…"
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; then
        echo "apt-get could not install them; see its messages above" >&2
        exit 1
    fi
    read_installed
    lines=$(missing "${1:-}")
    if [ -n "$lines" ] || ! installed_libclang >/dev/null; then
        echo "still missing after the installation: ${lines:-libclang}" >&2
        exit 1
    fi
}

# On other systems nothing is installed; the build may start when the libraries are there.
elsewhere() {
    local trial=${1:-}
    if pkg-config --exists libavcodec libavformat libavutil libswscale libswresample 2>/dev/null && [ -z "$trial" ]; then
        return
    fi
    local system=""
    if [ -r /etc/os-release ]; then
        # shellcheck source=/dev/null
        system=$(. /etc/os-release && echo "${ID:-} ${ID_LIKE:-}")
    fi
    echo "Reelboard needs FFmpeg's development files, libclang, pkg-config, a C compiler and a Vulkan driver. Install them:" >&2
    case "$(uname -s) $system" in
    *fedora* | *rhel*)
        echo "  sudo dnf install gcc pkgconf-pkg-config clang-devel ffmpeg-free-devel vulkan-loader mesa-vulkan-drivers libxkbcommon-x11 libX11-xcb libXcursor libXi libXrandr" >&2
        echo "  (for H.264 export take ffmpeg-devel from RPM Fusion in place of ffmpeg-free-devel)" >&2
        [ -z "$trial" ] || echo "  sudo dnf install xorg-x11-server-Xvfb xdotool ImageMagick" >&2
        ;;
    *arch*)
        echo "  sudo pacman -S --needed base-devel pkgconf clang ffmpeg vulkan-icd-loader vulkan-swrast libxkbcommon-x11 libxcursor libxi libxrandr" >&2
        [ -z "$trial" ] || echo "  sudo pacman -S --needed xorg-server-xvfb xdotool imagemagick" >&2
        ;;
    Darwin*)
        echo "  xcode-select --install; brew install pkgconf llvm ffmpeg vulkan-loader molten-vk" >&2
        ;;
    *)
        echo "  (this system is not known here; your package manager will have them)" >&2
        ;;
    esac
    if ! pkg-config --exists libavcodec libavformat libavutil libswscale libswresample 2>/dev/null; then
        exit 1
    fi
}

rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    if ! command -v cargo >/dev/null; then
        echo "Rust is missing: install version $wanted or newer from https://rustup.rs, open a new terminal, and run the same command again" >&2
        exit 1
    fi
    found=$(cargo --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
        echo "Rust $found is too old, $wanted or newer is needed: run \"rustup update stable\", or install it from https://rustup.rs" >&2
        exit 1
    fi
}

case "${1:-}" in
"" | gui-trial) ;;
*)
    echo "usage: scripts/setup.sh [gui-trial]" >&2
    exit 2
    ;;
esac
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then debian "${1:-}"; else elsewhere "${1:-}"; fi
rust
