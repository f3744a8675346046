#!/bin/bash
# certbroker-append-only.sh DIR - as root, from time to time: nobody but root can shorten, replace or
# remove what the audit log in DIR holds, not even the broker's own user.
#
#   seg/                        +a   files can be made in it, none removed or renamed
#   the newest segment          +a   can only be appended to; the broker asks for no more
#   all older segments          +i   cannot be changed at all
#   the files in tile/          +i   the folders stay as they are: tiles are put in place by renaming
#
# The broker never needs to take any of it back. What does - `certbroker audit archive` when it packs in
# place, `certbroker audit prune` - says so; as root: chattr -R -a -i DIR/seg, run it, run this again. With
# this in use set `archive_after: never` and let `archive_to` copy what is closed to a second place.
# Needs a file system that knows these attributes: ext4, XFS, Btrfs. See certbroker-append-only.timer.
set -eu
dir=${1:?which directory? That of the audit log}
segments=("$dir"/seg/*.jsonl)
newest=${segments[-1]}
[ -e "$newest" ] || { echo "$dir/seg holds no segment" >&2; exit 1; }
chattr +a "$newest"
for old in "${segments[@]}" "$dir"/seg/*.jsonl.zst; do
    # A file that was +a when it was the newest: +i says more.
    [ ! -e "$old" ] || [ "$old" = "$newest" ] || chattr +i "$old"
done
chattr +a "$dir/seg"
if [ -d "$dir/tile" ]; then
    find "$dir/tile" -type d -exec chattr -a {} +
    find "$dir/tile" -type f ! -name '.*' ! -name '*.part' -exec chattr +i {} +
fi
