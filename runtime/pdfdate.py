"""Read the dates that PDF files carry."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_DATE = re.compile(r"D?:?\s*(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?\s*(?:Z|([+-])(\d\d)'?(\d\d)?)?", re.ASCII)


def pdf_date(text: str) -> datetime | None:
    """A PDF date `D:YYYYMMDDHHmmSS+HH'mm'` as a time with zone; parts may be missing. None for anything else.

    Source: ISO 32000-1, section 7.9.4. A date without a zone is taken as UTC.
    """
    found = _DATE.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    try:
        zone = (
            timezone(timedelta(hours=int(zone_hours), minutes=int(zone_minutes or 0)) * (-1 if sign == "-" else 1))
            if sign
            else UTC
        )
        return datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone
        )
    except ValueError:
        return None
