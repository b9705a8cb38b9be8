"""Clips as people have them are read as players show them, whatever wrote them; one test for each kind."""

from __future__ import annotations

import random
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from numbered import FPS, decoded, number, numbers, picture, trim, turn, write
from PIL import Image

from ppt2v import video
from ppt2v.errors import InputError, Notice
from ppt2v.video import film, packets
from ppt2v.video.colour import Colour

# Container, encoder, and what the encoder calls key frame distance, B-frames and an open group of pictures.
X264 = "keyint={gop}:min-keyint=1:bframes={b}:b-adapt=0:scenecut=0:open-gop={open}"
CODECS = {
    "libx264": {"crf": "12", "x264-params": X264},
    "libx265": {"crf": "12", "x265-params": f"log-level=none:{X264}"},
    "mpeg4": {"g": "{gop}", "bf": "{b}", "flags": "+qscale", "global_quality": "236"},
    "mpeg2video": {"g": "{gop}", "bf": "{b}", "flags": "+qscale", "global_quality": "236"},
    "libvpx": {"g": "{gop}", "b": "1M", "auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "5"},
    "libvpx-vp9": {"g": "{gop}", "crf": "10", "b": "1M", "auto-alt-ref": "1", "lag-in-frames": "10", "cpu-used": "5"},
}
CONTAINERS = {
    "libx264": ("mp4", "mov", "mkv", "ts", "avi", "flv"),
    "libx265": ("mp4", "ts", "mkv"),
    "mpeg4": ("mp4", "avi", "mkv"),
    "mpeg2video": ("ts", "mpg"),
    "libvpx": ("webm",),
    "libvpx-vp9": ("webm",),
}


def random_clip(chance: random.Random, folder) -> tuple:
    """A clip of 12 to 40 frames, and its rate."""
    codec = chance.choice([*CODECS, "libx264", "libx264", "libx264"])
    ending = chance.choice(CONTAINERS[codec])
    drawn = {"gop": chance.choice([1, 5, 9, 250]), "b": chance.randint(0, 3), "open": chance.randint(0, 1)}
    options = {name: text.format(**drawn) for name, text in CODECS[codec].items()}
    count, rate = chance.randint(12, 40), 25 if codec == "mpeg2video" else chance.choice([10, 25])
    path = write(folder / f"clip.{ending}", map(picture, range(count)), codec, options, rate=rate)
    if ending in ("mp4", "mov") and chance.random() < 0.6:
        start = chance.randint(0, count // 2)
        trim(path, start / rate, chance.randint(1, count - start) / rate)
    return path, rate


@pytest.mark.parametrize("seed", range(24))
def test_random_clips_are_read_as_they_are_decoded_one_frame_after_the_other(tmp_path, seed):
    chance = random.Random(seed)
    path, rate = random_clip(chance, tmp_path)
    shown = numbers(decoded(path))
    assert numbers(video.read(path, multiple=1).frames) == shown
    assert video.facts(path).frames == video.part(path).count == len(shown)
    start = chance.randrange(len(shown))
    end = chance.randint(start + 1, len(shown))
    cut = {"start_t": start / rate, "end_t": end / rate}
    assert numbers(video.read(path, multiple=1, **cut).frames) == shown[start:end]
    thin = chance.choice([2, 3, 7])
    places = [start + step * rate / thin for step in range(100) if start + step * rate / thin < end - 0.1]
    expected = [shown[int(place + 0.05)] for place in places]
    assert numbers(video.read(path, multiple=1, out_fps=thin, **cut).frames) == expected


def test_packets_are_looked_at_once(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", map(picture, range(20)))
    calls = []
    monkeypatch.setattr(film, "scan", lambda *given: calls.append(path) or packets.scan(*given))
    part = video.part(path, end_t=1.0)
    assert numbers(part.read(multiple=1).frames) == list(range(10)) and calls == [path]


def test_no_more_of_a_file_is_read_than_a_part_takes(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 64, 128, 3), np.uint8)
    path = write(tmp_path / "a.mkv", noise, options={"g": "10"})
    expected = video.read(path, end_t=1.0, multiple=1).frames.copy()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert (video.read(path, end_t=1.0, multiple=1).frames == expected).all()
    with pytest.raises(InputError, match=r"a\.mkv is truncated"):
        video.read(path)


@pytest.mark.parametrize("ending", ["mpg", "ts", "mkv"])
def test_a_clip_is_read_from_any_place(tmp_path, ending):
    options = {name: text.format(gop=5, b=3) for name, text in CODECS["mpeg2video"].items()}
    path = write(tmp_path / f"a.{ending}", map(picture, range(40)), "mpeg2video", options, rate=25)
    for start in (1, 7, 19, 32, 36):
        assert numbers(video.read(path, start_t=start / 25, multiple=1).frames) == list(range(start, 40))


def test_a_stream_that_begins_between_key_frames_begins_at_the_first_one(tmp_path):
    path = write(tmp_path / "a.ts", map(picture, range(40)), options={"x264-params": X264.format(gop=10, b=2, open=0)})
    data = path.read_bytes()
    path.write_bytes(data[188 * (len(data) // 188 // 3) :])
    shown = numbers(video.read(path, multiple=1).frames)
    assert shown == list(range(shown[0], 40)) and shown[0] in (10, 20)


def test_streams_that_were_appended_to_each_other_are_read_to_the_end(tmp_path):
    path = write(tmp_path / "a.ts", map(picture, range(15)))
    path.write_bytes(path.read_bytes() * 2)
    assert numbers(video.read(path, multiple=1).frames) == [*range(15)] * 2
    assert numbers(video.read(path, start_t=2.0, multiple=1).frames) == [*range(5, 15)]
    assert video.facts(path).seconds == pytest.approx(3, abs=0.11)


def test_time_stamps_in_the_order_of_decoding_do_not_mix_up_the_frames(tmp_path):
    def mislabel(packet) -> None:
        packet.pts = packet.dts = packet.dts + round(Fraction(1, 5) / packet.time_base)

    options = {"x264-params": X264.format(gop=250, b=2, open=0)}
    path = write(tmp_path / "a.mp4", map(picture, range(20)), options=options, edit=mislabel)
    assert numbers(video.read(path, multiple=1).frames) == list(range(20))
    assert numbers(video.read(path, start_t=1.0, out_fps=5, multiple=1).frames) == list(range(10, 20, 2))


def test_the_end_of_a_windows_media_file_may_be_that_of_its_sound(tmp_path):
    path = tmp_path / "a.wmv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("wmv2", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        voice = container.add_stream("wmav2", rate=44100, layout="mono")
        voice.bit_rate = 64000
        for index in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 3 * 44100), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(voice.encode(silence))
        container.mux(stream.encode())
        container.mux(voice.encode())
    assert numbers(video.read(path, multiple=1).frames) == list(range(20))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_stream_without_a_container_has_the_rate_of_its_own(tmp_path, codec):
    path = write(tmp_path / {"libx264": "a.h264", "mpeg4": "a.m4v"}[codec], map(picture, range(20)), codec)
    clip = video.read(path, multiple=1)
    assert numbers(clip.frames) == list(range(20)) and clip.fps == pytest.approx(FPS)


def test_the_end_is_looked_for_where_the_first_frames_have_no_time_stamp(tmp_path):
    path = write(tmp_path / "a.avi", map(picture, range(40)), "mpeg4")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = packets._Found(stream, may_jump=False)
        for index, packet in zip(range(20), container.demux(stream)):
            if index < 4:
                packet.pts = packet.dts = None
            found.add(packet)
    assert found.reached == pytest.approx(1.5, abs=0.11)


def test_a_margin_on_the_left_is_cut_off_to_the_pixel(tmp_path):
    plain = write(tmp_path / "plain.mp4", map(picture, range(3)))
    path = tmp_path / "a.mp4"
    with av.open(str(plain)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        cropped = BitStreamFilterContext("h264_metadata=crop_left=16", source.streams.video[0], stream)
        for packet in source.demux(video=0):
            for changed in cropped.filter(packet if packet.size else None):
                container.mux(changed)
    frames = video.read(path, multiple=1).frames
    assert frames.shape[1:3] == (64, 112)
    np.testing.assert_array_equal(frames[0], decoded(plain)[0][:, 16:])


def test_a_rate_that_varies_keeps_motion_at_its_speed(tmp_path):
    times = [*(n / 10 for n in range(10)), 1.3, 1.6, 1.9]
    part = video.part(write(tmp_path / "a.mp4", map(picture, range(13)), times=times))
    clip = part.read(multiple=1)
    assert clip.fps == pytest.approx(10) and part.facts.frames == 13
    assert numbers(clip.frames)[:19] == [*range(10), 9, 9, 9, 10, 10, 10, 11, 11, 11][:19]
    assert "varies" in " ".join(map(str, part.notes)) and part.count == len(clip.frames)


def test_time_stamps_that_are_a_little_off_are_a_steady_rate(tmp_path):
    chance = random.Random(0)
    times = [n / 10 + chance.uniform(-0.02, 0.02) + 0.02 for n in range(30)]
    part = video.part(write(tmp_path / "a.mkv", map(picture, range(30)), times=times))
    assert numbers(part.read(multiple=1).frames) == list(range(30))
    assert part.fps == pytest.approx(10, rel=0.01) and not part.notes


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
        ((0, 1, 1, 0), lambda picture: picture.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda picture: np.rot90(picture.swapaxes(0, 1), 2)),
    ],
)
def test_turned_and_mirrored_clips_are_upright(tmp_path, codec, matrix, upright):
    path = turn(write(tmp_path / "a.mp4", map(picture, range(40, 44)), codec), *matrix)
    stored = decoded(path)
    clip = video.read(path, multiple=1)
    assert (clip.frames == np.stack([upright(frame) for frame in stored])).all()
    assert video.facts(path)[2:] == clip.frames.shape[1:3]


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(2), 256), (Fraction(8, 9), 114), (Fraction(16, 15), 137)])
@pytest.mark.parametrize(("ending", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("mp4", "mpeg4")])
def test_pixels_are_square(tmp_path, ending, codec, aspect, width):
    def squeeze(stream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    path = write(tmp_path / f"a.{ending}", map(picture, range(5)), codec, prepare=squeeze)
    clip = video.read(path, multiple=1)
    assert clip.frames.shape[1:3] == (64, width) == video.facts(path)[2:]
    assert numbers(clip.frames) == list(range(5))
    if ending == "mp4":
        assert video.read(turn(path, 0, 1, -1, 0), multiple=1).frames.shape[1:3] == (width, 64)


def test_the_default_video_is_read_and_no_cover(tmp_path):
    from av.stream import Disposition

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=10) for _ in range(3)]
        for stream, side, role in zip(streams, (256, 64, 32), (Disposition(0), Disposition.default, Disposition(0))):
            stream.width, stream.height, stream.pix_fmt, stream.disposition = 2 * side, side, "yuv444p", role
        for index in range(4):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(picture(index, stream.height, stream.width), format="rgb24")
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    clip = video.read(path, multiple=1)
    assert clip.frames.shape[1:3] == (64, 128) and numbers(clip.frames) == [0, 1, 2, 3]


def test_a_clip_that_is_interlaced_is_made_whole_and_it_is_said(tmp_path):
    def field_picture(place: int) -> np.ndarray:
        frame = np.full((96, 160, 3), 40, np.uint8)
        frame[20:80, place : place + 24] = 220
        return frame

    woven = []
    for index in range(8):
        frame = field_picture(16 * index)
        frame[1::2] = field_picture(16 * index + 8)[1::2]
        woven.append(frame)
    path = write(tmp_path / "a.mp4", woven, options={"flags": "+ilme+ildct", "crf": "10", "x264-params": "tff=1"})

    def combs(frames) -> float:
        rows = np.asarray(frames, int)[2:-2].mean(-1)
        return float(np.abs(rows[:, 20:80:2] - rows[:, 21:80:2]).mean())

    part = video.part(path)
    clip = part.read(multiple=1)
    assert combs(decoded(path)) > 10 and combs(clip.frames) < 2
    assert len(clip.frames) == 8 and "deinterlaced" in " ".join(map(str, part.notes))


@pytest.mark.parametrize(("matrix", "coded_as"), [(1, "ITU709"), (6, "SMPTE170M"), (9, "BT2020")])
@pytest.mark.parametrize("full", [False, True])
def test_colours_follow_their_tags(tmp_path, matrix, coded_as, full):
    colours = np.array([(200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 230), (20, 20, 20)], np.uint8)
    frame = np.repeat(np.repeat(colours[None], 32, 1), 64, 0)
    frames = []
    for _ in range(3):
        rgb = av.VideoFrame.from_ndarray(frame, format="rgb24")
        yuv = rgb.reformat(format="yuv444p", dst_colorspace=coded_as, dst_color_range=2 if full else 1)
        yuv.colorspace, yuv.color_range = matrix, 2 if full else 1
        frames.append(yuv)

    def tag(stream) -> None:
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1

    path = write(tmp_path / "a.mp4", frames, options={"crf": "4"}, pixels="yuv444p", prepare=tag)
    read = video.read(path, multiple=1).frames[1].astype(int)
    assert np.abs(read - frame)[:, 16::32].max() <= 4


def hdr_clip(path, code: np.ndarray, transfer: int):
    """A clip whose frames have these codes of BT.2020, float RGB ``[H, W, 3]`` from 0 to 1, with a transfer."""

    def tag(stream) -> None:
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = transfer, 9, 9, 1

    frames = []
    for _ in range(2):
        rgb = av.VideoFrame.from_ndarray(np.rint(code * 65535).astype(np.uint16), format="rgb48le")
        frame = rgb.reformat(format="yuv444p10le", dst_colorspace="BT2020", dst_color_range=1)
        frame.colorspace, frame.color_range = 9, 1
        frames.append(frame)
    return write(path, frames, "libx265", {"crf": "2"}, "yuv444p10le", prepare=tag)


COLOURS = np.array([(255, 255, 255), (128, 128, 128), (200, 60, 40), (40, 160, 60), (30, 50, 170), (10, 10, 10)]) / 255


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG"), (14, None)])
def test_a_picture_made_for_sdr_comes_back_from_hdr(tmp_path, transfer, name):
    """ITU-R BT.2408, direct mapping: SDR's white is shown with 203 cd/m2."""
    light = (
        COLOURS**2.4
        @ np.linalg.inv(
            [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
        ).T
    )
    if name == "PQ":
        power = (203 * light / 10000) ** (2610 / 16384)
        code = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    elif name == "HLG":
        shown = 203 * light / 1000
        luminance = shown @ [0.2627, 0.6780, 0.0593]
        scene = shown * luminance[:, None] ** (1 / 1.2 - 1)
        bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        code = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    else:
        code = light ** (1 / 2.4)
    path = hdr_clip(tmp_path / "a.mp4", np.repeat(np.repeat(code[None], 32, 1), 64, 0), transfer)
    part = video.part(path)
    read = part.read(multiple=1).frames[0, 32, 16::32].astype(int)
    assert np.abs(read - 255 * COLOURS).max() <= 4
    assert (name is None) == (not part.notes) and (name is None or f"HDR ({name})" in str(part.notes[0]))


def test_what_is_brighter_than_white_stays_white():
    wide = np.full((4, 4, 3), 60000, np.uint16)
    for transfer in (16, 18):
        assert (Colour(transfer, 9)._narrowed(wide) == 255).all()


@pytest.mark.parametrize("pixels", ["gray", "gray10le", "yuv420p10le", "yuv422p", "bgr0"])
def test_other_pixels_are_read(tmp_path, pixels):
    path = write(tmp_path / "a.mkv", map(picture, range(5)), "ffv1", pixels=pixels)
    assert numbers(video.read(path, multiple=1).frames) == list(range(5))


@pytest.mark.parametrize(("codec", "pixels"), [("qtrle", "argb"), ("png", "rgba"), ("ffv1", "yuva420p")])
def test_what_is_transparent_lies_on_white(tmp_path, codec, pixels):
    rgba = np.full((32, 64, 4), (200, 0, 0, 255), np.uint8)
    rgba[:, 32:, 3] = 0
    frames = [av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=pixels) for _ in range(3)]
    path = write(tmp_path / ("a.mkv" if codec == "ffv1" else "a.mov"), frames, codec, pixels=pixels)
    read = video.read(path, multiple=1).frames[0].astype(int)
    assert np.abs(read[16, 16] - (200, 0, 0)).max() <= 3 and (read[16, 48] == 255).all()


def test_frames_that_change_their_size_are_read_in_that_of_the_first(tmp_path):
    one, two = (write(tmp_path / f"{side}.ts", [picture(3, side, 2 * side)] * 5) for side in (64, 96))
    (tmp_path / "a.ts").write_bytes(one.read_bytes() + two.read_bytes())
    clip = video.read(tmp_path / "a.ts", multiple=1)
    assert clip.frames.shape == (10, 64, 128, 3) and set(numbers(clip.frames)) == {3}


def test_decord_reads_plain_clips_alone_and_as_pyav_does(tmp_path, monkeypatch):
    asked = []
    original = film.decord_frames.read
    monkeypatch.setattr(film.decord_frames, "read", lambda path, count: asked.append(path) or original(path, count))
    plain = write(tmp_path / "plain.mp4", map(picture, range(12)))
    assert (video.read(plain, multiple=1).frames == np.stack(decoded(plain))).all() and asked == [plain]
    trimmed = trim(write(tmp_path / "trimmed.mp4", map(picture, range(12))), 0.5, 0.5)
    turned = turn(write(tmp_path / "turned.mp4", map(picture, range(12))), 0, 1, -1, 0)
    stream = write(tmp_path / "stream.ts", map(picture, range(12)))
    for path in (trimmed, turned, stream):
        video.read(path, multiple=1)
    video.read(plain, start_t=0.5, multiple=1)
    assert asked == [plain]


def test_where_decord_fails_pyav_goes_on(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", map(picture, range(12)))
    monkeypatch.setattr(film.decord_frames, "read", lambda path, count: iter(decoded(path)[:5]))
    assert numbers(video.read(path, multiple=1).frames) == list(range(12))


def test_nothing_is_written_on_standard_error(tmp_path):
    paths = [write(tmp_path / f"a.{ending}", map(picture, range(12))) for ending in ("mp4", "ts", "mkv", "avi")]
    code = "import sys; from ppt2v import video; [video.read(path) for path in sys.argv[1:]]"
    run = subprocess.run([sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=True)
    assert run.stderr == run.stdout == ""


def test_limits_end_the_looking(tmp_path):
    path = write(tmp_path / "a.mp4", map(picture, range(40)))
    assert video.facts(path, most_frames=7).frames == 7
    with pytest.raises(InputError, match="128 is too much"):
        video.facts(path, most_side=100)


def test_times_that_ask_for_too_many_frames_are_refused(tmp_path):
    path = write(tmp_path / "a.mp4", map(picture, range(12)))
    with pytest.raises(InputError, match="1000000"):
        video.part(path, out_fps=1e9)


def test_a_number_is_told_from_a_frame():
    assert [number(picture(each)) for each in range(64)] == list(range(64))


@pytest.mark.parametrize(("codec", "options"), [("libvpx", {"auto-alt-ref": "0"}), ("libvpx-vp9", {})])
def test_what_is_transparent_in_a_web_video_lies_on_white(tmp_path, codec, options):
    colours = np.full((48, 64, 4), (200, 40, 40, 255), np.uint8)
    colours[:, 32:, 3] = 0
    frames = [av.VideoFrame.from_ndarray(colours, format="rgba").reformat(format="yuva420p") for _ in range(3)]
    clip = video.read(write(tmp_path / "sticker.webm", frames, codec, options, "yuva420p"), multiple=1)
    assert len(clip.frames) == 3
    assert (clip.frames[:, 20, 50] > 250).all() and np.abs(clip.frames[:, 20, 10] - [200.0, 40, 40]).max() < 8


def test_all_frames_of_a_camera_for_high_speed_are_read(tmp_path):
    path = write(tmp_path / "fast.mkv", map(picture, range(6)), "ffv1", pixels="yuv444p", rate=1000)
    assert numbers(video.read(path, multiple=1).frames) == list(range(6))
    assert numbers(video.read(path, start_t=0.002, end_t=0.005, multiple=1).frames) == [2, 3, 4]


def test_a_film_of_jpeg_pictures_is_no_single_one(tmp_path):
    path = write(tmp_path / "camera.mjpeg", map(picture, range(6)), "mjpeg", {"q": "2"}, "yuvj444p")
    assert numbers(video.read(path, multiple=1).frames) == list(range(6))


@pytest.mark.parametrize("name", ["one.mp4", "one.ppm"])
def test_a_film_of_one_frame_is_said_to_be_a_single_picture(tmp_path, name):
    codec, pixels = ("libx264", "yuv420p") if name.endswith("mp4") else ("ppm", "rgb24")
    clip = video.part(write(tmp_path / name, [picture(3)], codec, pixels=pixels))
    assert clip.count == 1 and [str(note) for note in clip.notes] == [
        f"{name} is a single picture: the clip has one frame"
    ]


def test_what_no_decoder_is_there_for_is_refused(tmp_path):
    (tmp_path / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    with pytest.raises(InputError, match="drawing.svg is no video that can be read"):
        video.part(tmp_path / "drawing.svg")


def test_that_pictures_change_their_size_is_said(tmp_path):
    path = tmp_path / "a.mjpeg"
    sizes = [(64, 48), (64, 48), (48, 64), (48, 64)]
    with path.open("wb") as file:
        for size in sizes:
            Image.new("RGB", size, "red").save(file, "JPEG")
    with pytest.warns(Notice, match="a.mjpeg goes over from 64x48 to 48x64 pixels: all frames are given") as said:
        assert video.read(path, multiple=1).frames.shape == (4, 48, 64, 3)
    assert len(said) == 1


def test_a_film_of_one_frame_that_is_on_show_for_no_time_is_read(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10_000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), "rgb24")
        container.mux([*stream.encode(frame), *stream.encode()])
    assert video.read(path, multiple=1).frames.shape == (1, 48, 64, 3)
