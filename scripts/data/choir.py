"""Makes sounds/choir_phrase.flac: four soft chords, all from one note of a choir.

apt-get download sonic-pi-samples && dpkg-deb -x sonic-pi-samples_*.deb samples
python scripts/data/choir.py samples/usr/share/sonic-pi/samples/ambi_choir.flac
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

OUT = Path(__file__).parents[2] / "sounds" / "choir_phrase.flac"
CHORDS = [(0, 4, 7), (-3, 0, 4), (-7, -3, 5), (-5, -1, 2)]  # semitones from the note sung
SECONDS = 1.5  # from one chord to the next
FADE = 0.25  # seconds in which a note sets in, and out
PEAK = 0.1  # soft


def main(source: Path) -> None:
    note, rate = soundfile.read(source)
    phrase = np.zeros((round((len(CHORDS) * SECONDS + 1) * rate), note.shape[1]))
    for number, chord in enumerate(CHORDS):
        start = round(number * SECONDS * rate)
        for semitones in chord:
            voice = faded(soxr.resample(note, rate * 2 ** (semitones / 12), rate), rate)
            end = min(len(phrase), start + len(voice))
            phrase[start:end] += voice[: end - start]
    soundfile.write(OUT, phrase * (PEAK / np.abs(phrase).max()), rate, subtype="PCM_16")


def faded(voice: np.ndarray, rate: int) -> np.ndarray:
    ends = np.minimum(np.arange(len(voice)), np.arange(len(voice))[::-1]) / (FADE * rate)
    return voice * np.minimum(1, ends)[:, None]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
