"""Maps of a collection: its images as points on a plane, similar images near each other."""

from imagefinder.maps.maps import Map, kept_map, kept_maps, map_records, open_map

__all__ = ["Map", "kept_map", "kept_maps", "map_records", "open_map"]
