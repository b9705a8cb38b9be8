"""The language in which a person is told things, and what they are told.

English stands where it is used; the Chinese for it in the tables of ``language.chinese``.
"""

from .choice import LANGUAGES, current, preferred, speaking
from .message import Message, both, either, translated, words

__all__ = ["LANGUAGES", "Message", "both", "current", "either", "preferred", "speaking", "translated", "words"]
