"""The far side: what runs in the confined processes. Started by its folder (`python -I <folder>`), so that it imports
nothing of the platform: it starts in 0.2 s, and a worker's memory holds nothing but its own query.
"""
