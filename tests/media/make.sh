#!/bin/sh
# Makes the media samples of the tests anew, beside this script. They are of our own making: a drawn face and
# synthetic speech. Needs espeak-ng, ffmpeg, imagemagick and webp, as Debian has them:
#
#     apt-get install espeak-ng ffmpeg imagemagick webp python3
#
# The results are committed; versions of the tools differ in bytes but not in what the tests ask about.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- pictures: 240x320, a face ----------------------------------------------------------------------------
convert -size 240x320 gradient:'#9fd3e8'-'#e8f4f0' \
    -fill '#3f5f8f' -stroke none -draw 'ellipse 120,330 95,90 0,360' \
    -fill '#e8b48f' -draw 'roundrectangle 98,190 142,260 20,20' -draw 'ellipse 120,140 62,78 0,360' \
    -fill '#4a2f22' -draw 'path "M 55,135 Q 50,45 120,45 Q 190,45 185,135 Q 170,85 120,85 Q 75,85 55,135 Z"' \
    -fill white -draw 'ellipse 97,140 11,7 0,360' -draw 'ellipse 143,140 11,7 0,360' \
    -fill '#2b2b2b' -draw 'circle 97,140 97,145' -draw 'circle 143,140 143,145' \
    -fill '#b8434a' -draw 'path "M 95,180 Q 120,205 145,180 Q 120,188 95,180 Z"' \
    -strip "$work/face.png"

convert "$work/face.png" -depth 8 -define png:compression-level=9 face.png
convert "$work/face.png" -interlace PNG -resize 61x83! face_interlaced.png
convert "$work/face.png" -colors 32 -type Palette -resize 120x160 PNG8:face_palette.png
convert "$work/face.png" -sampling-factor 2x2 -quality 85 face_baseline.jpg
convert "$work/face.png" -interlace Plane -quality 85 face_progressive.jpg
convert "$work/face.png" -colorspace Gray -quality 80 face_grey.jpg
cwebp -quiet -q 80 "$work/face.png" -o face_lossy.webp
cwebp -quiet -lossless "$work/face.png" -o face_lossless.webp
convert "$work/face.png" -resize 120x160 "$work/one.png"
convert "$work/one.png" -flop "$work/two.png"
img2webp -loop 0 -d 200 "$work/one.png" "$work/two.png" -o face_animated.webp >/dev/null 2>&1
ffmpeg -loglevel error -y -i "$work/one.png" -i "$work/two.png" \
    -filter_complex '[0][1]concat=n=2,format=rgb24' -f apng -bitexact face_animated.png

# --- sound: 1.5 s of speech -------------------------------------------------------------------------------
espeak-ng -v en -s 150 -w "$work/speech.wav" 'Good morning, this is a test.'
ff() { ffmpeg -loglevel error -y -i "$work/speech.wav" -t 1.5 -map_metadata -1 -fflags +bitexact -ac 1 "$@"; }
ff -flags +bitexact -ar 16000 speech_pcm16.wav
ff -flags +bitexact -ar 8000 -c:a pcm_f32le speech_float.wav
ff -flags +bitexact -ar 16000 -c:a adpcm_ms speech_adpcm.wav
ff -flags +bitexact -ar 16000 -f wav - | cat > speech_piped.wav
ff -ar 44100 -c:a libmp3lame -b:a 48k speech.mp3
ff -ar 22050 -c:a libmp3lame -q:a 6 -write_xing 0 -id3v2_version 0 speech_bare.mp3
ff -ar 44100 -c:a aac -b:a 64k speech.m4a
ff -ar 44100 -c:a aac -b:a 64k -movflags +faststart -f mp4 speech_faststart.m4a
ff -ar 44100 -c:a aac -b:a 64k -f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 500000 speech_fragmented.m4a
ff -ar 44100 -c:a aac -b:a 64k -f adts speech.aac
ff -ar 22050 -c:a flac -sample_fmt s16 speech.flac
ff -ar 44100 -c:a libvorbis -q:a 2 speech_vorbis.ogg
ff -ar 48000 -c:a libopus -b:a 32k speech_opus.ogg

# --- what must be refused for its kind --------------------------------------------------------------------
ff -ar 44100 -c:a alac alac.m4a
ff -ar 22050 -c:a flac -f ogg flac.ogg
ffmpeg -loglevel error -y -loop 1 -i "$work/one.png" -i "$work/speech.wav" -t 1 -r 10 -c:v mpeg4 -q:v 20 \
    -c:a aac -b:a 32k -map_metadata -1 -fflags +bitexact film.mp4
convert "$work/face.png" -resize 60x80 picture.gif
printf 'This is a text, whatever its name says.\nIt has a second line.\n' > text.wav

# --- what must be refused for its length ------------------------------------------------------------------
ffmpeg -loglevel error -y -f lavfi -i anullsrc=r=8000:cl=mono -t 0.05 -c:a pcm_u8 -fflags +bitexact short.wav
ffmpeg -loglevel error -y -f lavfi -i anullsrc=r=8000:cl=mono -t 601 -c:a flac -frame_size 4608 -fflags +bitexact long.flac

# --- what must be refused for its size or because it is cut or damaged ------------------------------------
python3 - <<'PYTHON'
import struct, zlib

def png(width, height, data):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")

def read(name):
    with open(name, "rb") as file:
        return file.read()

def write(name, content):
    with open(name, "wb") as file:
        file.write(content)

# A few bytes that would be gigabytes, and some that claim more rows than they hold.
write("bomb.png", png(60_000, 60_000, bytes(10_000)))
write("too_few_rows.png", png(300, 300, bytes(100 * 901)))

for name, keep in [
    ("face.png", 0.6), ("face_baseline.jpg", 0.6), ("face_lossy.webp", 0.6),
    ("speech_pcm16.wav", 0.5), ("speech.mp3", 0.5), ("speech.m4a", 0.5), ("speech_faststart.m4a", 0.5),
    ("speech.flac", 0.5), ("speech_vorbis.ogg", 0.5), ("speech_opus.ogg", 0.5), ("speech.aac", 0.505),
]:
    whole = read(name)
    write("truncated_" + name, whole[: int(len(whole) * keep)])

# One bit in the middle of the picture data.
damaged = bytearray(read("face.png"))
damaged[len(damaged) // 2] ^= 0x10
write("damaged_face.png", bytes(damaged))

# A photo as a telephone stores it: lying, with an Exif orientation of 6.
tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack(">I", 0)
segment = b"Exif\0\0" + tiff
jpeg = read("face_baseline.jpg")
write("face_rotated.jpg", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:])
PYTHON
