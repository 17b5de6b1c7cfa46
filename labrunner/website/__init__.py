"""A static site of everything that can be read: labs, claims, the author's guide, changes.

``building.build`` makes it; everything else here is pure: data in, pages out. No page makes a
request to anywhere else, and each can be read without scripts.
"""
