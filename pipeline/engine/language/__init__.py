"""Earth Engine's plain values: how numbers, strings, dates, arrays and filters are computed, compared and printed."""
