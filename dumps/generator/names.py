"""Invented names: believable, distinct, many of them not ASCII.

A name is a pure function of an id: the id picks a pattern, the rest of it the words (mixed radix), so that a hundred
thousand artists have a hundred thousand names, the same ones for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids = npt.NDArray[np.int64]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVE = _words(
    "Velvet Copper Silent Electric Hollow Golden Paper Northern Broken Crimson Distant Feral Gentle Midnight Lunar "
    "Neon Rusty Salt Tidal Wandering Wooden Burning Pale Quiet Restless Amber Frozen Lost Second Slow Static Violet"
)
_NOUN = _words(
    "Harbour Lantern Meridian Orchard Parade Satellite Sparrow Telegraph Weather Anchor Cathedral Compass Engine Otter "
    "Garden Hunter Island Kingdom Ladder Mirror Ocean Pilot Quarry River Shadow Tiger Umbrella Valley Window Yonder "
    "Zephyr Arcade"
)
_VERB = _words("Chasing Counting Dreaming Finding Holding Leaving Losing Painting Reading Stealing Waking Drowning")
_PLACE = _words("Lisbon Tallinn Oslo Kyoto Bergen Cork Dakar Havana Izmir Leeds Mombasa Nagoya Porto Quito Riga Zagreb")
_GIVEN = _words(
    "Ada Björn Camille Dmitri Eluned Farouk Greta Hana Ivo Jónína Kofi Leïla Mateus Noor Olufemi Petra Quentin Rosalía "
    "Søren Thandiwe Uma Václav Wren Ximena Yuki Zoltán Amélie Bastien Chiara Désirée Esperanza Íris"
)
_FAMILY = _words("Ander Bell Caster Dahl Ender Falk Grim Holm Iver Jans Kastel Lind Moor Nyl Oster Pell Quist Rav")
_ENDING = _words("berg man son field strøm ova ley wright úlfur ström ak er mans quist ridge vik")
_KANJI = _words("月 光 雨 夜 青 空 花 風 海 星 森 雪 鳥 影 夢 音")
_KATAKANA = _words("ノイズ サクラ ミラー ガラス レコード シグナル ネオン オーロラ")
_CYRILLIC = _words("Северный Тихий Красный Ночной Лунный Старый Новый Чёрный")
_CYRILLIC_NOUN = _words("Ветер Город Океан Трамвай Поезд Сад Свет Голос Дождь Снег")
_GREEK = _words("Θάλασσα Νύχτα Φεγγάρι Ήλιος Δρόμος Άνεμος Σκιά Όνειρο")
_ARABIC = _words("ليل نور بحر قمر صوت ريح ورد حلم")
_NUMBER = tuple(str(number) for number in range(1, 65))


@dataclass(frozen=True)
class Pattern:
    """Word lists joined as they stand: the blanks are part of the lists."""

    words: tuple[tuple[str, ...], ...]

    @property
    def capacity(self) -> int:
        """How many names it makes before it has to number them."""
        return int(np.prod([len(choice) for choice in self.words], dtype=np.int64))

    def names(self, ids: Ids) -> pa.Array:
        """Distinct names for distinct ids; beyond `capacity` they end in a number."""
        multiplier = 2_654_435_761 % self.capacity | 1
        while np.gcd(multiplier, self.capacity) != 1:
            multiplier += 2
        rest, parts = (ids % self.capacity + 1013) * multiplier % self.capacity, []
        for choice in self.words:
            parts.append(pa.array(choice).take(pa.array(rest % len(choice))))
            rest = rest // len(choice)
        name = pc.binary_join_element_wise(*parts, "")
        again = pa.array(ids // self.capacity + 1)
        numbered = pc.binary_join_element_wise(name, pc.cast(again, pa.string()), " ")
        return pc.if_else(pc.equal(again, 1), name, numbered)


def _spaced(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f" {word}" for word in words)


def _plural(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f" {word}s" for word in words)


ARTISTS = (
    Pattern((_GIVEN, _spaced(_FAMILY), _ENDING)),
    Pattern((("The ",), _ADJECTIVE, _plural(_NOUN))),
    Pattern((_NOUN, _spaced(_NOUN), ("", " Club", " Orchestra", " Trio", " Collective", " Sound System"))),
    Pattern((_GIVEN, _spaced(_FAMILY), _ENDING, (" & the",), _plural(_NOUN))),
    Pattern((_ADJECTIVE, _spaced(_PLACE), ("", " Choir", " Band", " Quartet"))),
    Pattern((_PLACE, _spaced(_NOUN), _spaced(_NUMBER))),
    Pattern((_KANJI, _KANJI, _KATAKANA, _KANJI)),
    Pattern((_ADJECTIVE, _spaced(_NOUN), (" of ",), _PLACE)),
    Pattern((_CYRILLIC, _spaced(_CYRILLIC_NOUN), ("", " 77", " Бэнд", " Оркестр"), _spaced(_PLACE))),
    Pattern((_VERB, _spaced(_ADJECTIVE), _plural(_NOUN))),
)
"""Artists; two patterns of ten are not Latin, and many given names have accents."""

TRACKS = (
    Pattern((_ADJECTIVE, _spaced(_NOUN), ("", " (Live)", " (Remastered)", " (Demo)"), ("", ", Pt. 2", " II"))),
    Pattern((_VERB, (" the",), _spaced(_ADJECTIVE), _spaced(_NOUN))),
    Pattern((_NOUN, (" in ",), _PLACE, ("", " (Acoustic)", " (Instrumental)", " / Reprise"), ("", "!", "?"))),
    Pattern((("Don't Stop ", "Never ", "Always ", "No More "), _VERB, _spaced(_NOUN), ("", " Again", " Tonight"))),
    Pattern((_ADJECTIVE, (" ",), _ADJECTIVE, _spaced(_NOUN))),
    Pattern((_KANJI, ("の",), _KANJI, _KATAKANA, ("", "〜", "♪"))),
    Pattern((_NOUN, _spaced(_NUMBER), ("", " (Interlude)", " (feat. the Choir)"))),
    Pattern((_GREEK, _spaced(_GREEK), ("", " και ", " ~ "), _ARABIC)),
    Pattern((("Letter to ", "Song for ", "Ode to ", "Café "), _GIVEN, _spaced(_NOUN))),
    Pattern((_VERB, _spaced(_NOUN), (" by the ",), _NOUN)),
)

RELEASES = (
    Pattern((_ADJECTIVE, _spaced(_NOUN), _spaced(_NUMBER))),
    Pattern((_NOUN, (" & ",), _NOUN, ("", " (Deluxe Edition)", " EP", ": The Singles"))),
    Pattern((("Live in ", "Nights in ", "Postcards from "), _PLACE, _spaced(_NUMBER), _spaced(_NOUN))),
    Pattern((_KATAKANA, _KANJI, _spaced(_NUMBER))),
    Pattern((_VERB, _spaced(_NOUN), ("", " (Remastered)", " Sessions"))),
)

_NICK = tuple(word.lower() for word in _NOUN)
_MOOD = tuple(word.lower() for word in _ADJECTIVE)

USERS = (
    Pattern((_MOOD, tuple(f"_{word}" for word in _NICK))),
    Pattern((tuple(word.lower() for word in _GIVEN), ("", ".", "-", "_"), _NUMBER)),
    Pattern((_NICK, _NUMBER)),
    Pattern((_GIVEN, tuple(f" {word}" for word in "ABCDEFGHJKLMNOPRSTVWZ"))),
)


def names(patterns: Sequence[Pattern], ids: Ids) -> pa.Array:
    """Names of the ids, in their order: distinct within `patterns`, except where two patterns meet by chance."""
    which, within = ids % len(patterns), ids // len(patterns)
    order = np.argsort(which, kind="stable")
    bounds = np.searchsorted(which[order], np.arange(len(patterns) + 1))
    made = [pattern.names(within[order[bounds[at] : bounds[at + 1]]]) for at, pattern in enumerate(patterns)]
    back = np.empty(len(ids), dtype=np.int64)
    back[order] = np.arange(len(ids))
    return pa.concat_arrays(made).take(pa.array(back))
