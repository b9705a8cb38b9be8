"""The sound of a clip goes with its frames."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from numbered import picture

from ppt2v import video
from ppt2v.errors import InputError

RATE = 48000
CLICKS = (0.35, 1.05, 1.65)  # seconds


def clip_with_sound(path, codec: str = "aac", late: float = 0.0, channels: int = 2, rate: int = RATE):
    """Two seconds of ten frames each; a short tone at each of ``CLICKS``; the frames come ``late`` seconds later."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    samples = np.zeros((2 * rate, channels), np.float32)
    for place in CLICKS:
        tone = np.sin(np.arange(rate // 50) * 2 * np.pi * 1000 / rate)
        samples[round(place * rate) : round(place * rate) + len(tone)] = 0.5 * tone[:, None]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264" if path.suffix != ".webm" else "libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        voice = container.add_stream(codec, rate=rate, layout=layout)
        for index in range(20):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts, frame.time_base = round(1000 * (index / 10 + late)), Fraction(1, 1000)
            container.mux(stream.encode(frame))
            piece = np.ascontiguousarray(samples[index * rate // 10 : (index + 1) * rate // 10])
            heard = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="flt", layout=layout)
            heard.sample_rate, heard.pts, heard.time_base = rate, index * rate // 10, Fraction(1, rate)
            container.mux(voice.encode(heard))
        container.mux(stream.encode())
        container.mux(voice.encode())
    return path


def clicks(sound: video.Sound) -> list[float]:
    """Seconds at which it begins to be loud."""
    loud = np.abs(sound.samples[:, 0].astype(int)) > 3000
    places = np.flatnonzero(loud)
    return [place / RATE for place, before in zip(places, [-RATE, *places]) if place - before > RATE // 20]


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp4", "aac"), ("mkv", "flac"), ("webm", "libopus"), ("ts", "aac"), ("mov", "pcm_s16le")]
)
def test_sound_is_cut_with_the_frames(tmp_path, ending, codec):
    path = clip_with_sound(tmp_path / f"a.{ending}", codec)
    assert clicks(video.part(path).sound()) == pytest.approx(CLICKS, abs=0.03)
    part = video.part(path, start_t=1.0, end_t=1.5)
    assert len(part.sound().samples) == RATE // 2
    assert clicks(part.sound()) == pytest.approx([0.05], abs=0.03)
    thin = video.part(path, start_t=0.3, end_t=1.8, out_fps=5).sound()
    assert clicks(thin) == pytest.approx([0.05, 0.75, 1.35], abs=0.03)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_frames_that_come_later_than_the_sound_keep_their_distance(tmp_path, ending):
    sound = video.part(clip_with_sound(tmp_path / f"a.{ending}", late=0.3)).sound()
    assert clicks(sound) == pytest.approx([place - 0.3 for place in CLICKS], abs=0.03)


@pytest.mark.parametrize(("channels", "kept", "rate"), [(1, 1, 22050), (2, 2, 44100), (6, 2, 48000)])
def test_one_or_two_channels_are_kept_of_any_rate(tmp_path, channels, kept, rate):
    sound = video.part(clip_with_sound(tmp_path / "a.mkv", "flac", channels=channels, rate=rate)).sound()
    assert sound.samples.shape == (2 * RATE, kept)
    assert clicks(sound) == pytest.approx(CLICKS, abs=0.03) if channels < 6 else sound.samples.any()


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "aac"), ("webm", "opus")])
def test_it_is_written_beside_the_frames_and_the_bytes_are_the_same_each_time(tmp_path, ending, codec):
    part = video.part(clip_with_sound(tmp_path / "a.mp4"), start_t=0.3)
    frames = part.read(multiple=1).frames
    one, two = (
        video.write(frames, tmp_path / f"{name}.{ending}", part.fps, {"seed": 1}, part.sound()) for name in "bc"
    )
    assert one.read_bytes() == two.read_bytes() and video.read_recipe(one) == {"seed": 1}
    again = video.part(one)
    assert again.count == 17 and again.facts.seconds == pytest.approx(1.7, abs=0.01)
    assert clicks(again.sound()) == pytest.approx([0.05, 0.75, 1.35], abs=0.03)
    with av.open(str(one)) as container:
        assert container.streams.audio[0].codec_context.name == codec


def test_a_clip_without_sound_has_none_and_its_copy_neither(tmp_path):
    path = video.write([picture(1)] * 3, tmp_path / "a.mp4", 10, {})
    part = video.part(path)
    assert part.sound() is None and not part.has_sound
    assert video.write([picture(1)] * 3, tmp_path / "b.mp4", 10, {}, None).read_bytes() == path.read_bytes()


def test_pictures_have_no_sound(tmp_path):
    path = video.write([picture(1)] * 3, tmp_path / "a.gif", 10, {})
    sound = video.part(clip_with_sound(tmp_path / "a.mp4")).sound()
    assert video.part(path).sound() is None and not video.keeps_sound(path)
    with pytest.raises(InputError, match="no sound"):
        video.write([picture(1)], tmp_path / "b.gif", 10, {}, sound)


def test_sound_of_a_recorder_is_cut_with_the_frames(tmp_path):
    path = tmp_path / "a.mpg"
    seconds, rate = 6, 25
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        voice = container.add_stream("mp2", rate=44100, layout="mono")
        samples = np.zeros(seconds * 44100, np.int16)
        for click in (1.2, 4.2):
            begin = round(click * 44100)
            samples[begin : begin + 882] = 16000 * np.sin(np.arange(882) * 2 * np.pi * 1000 / 44100)
        for index in range(seconds * rate):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index % 64), format="rgb24")))
            piece = samples[index * 1764 : (index + 1) * 1764].reshape(1, -1)
            heard = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = 44100, index * 1764, Fraction(1, 44100)
            container.mux(voice.encode(heard))
        container.mux(stream.encode())
        container.mux(voice.encode())
    assert clicks(video.part(path, start_t=4.0, end_t=5.0).sound()) == pytest.approx([0.2], abs=0.03)
