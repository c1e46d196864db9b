namespace RaftKv.Faults.Running;

/// <summary>Waits for what comes about by itself, and not for ever.</summary>
internal static class Eventually
{
    /// <returns>Whether it came about.</returns>
    public static async Task<bool> IsSoAsync(Func<bool> isSo, TimeSpan patience, TimeSpan look)
    {
        var latest = DateTime.UtcNow + patience;
        while (!isSo())
        {
            if (DateTime.UtcNow >= latest)
            {
                return false;
            }

            await Task.Delay(look);
        }

        return true;
    }
}
