using System.Globalization;

namespace RaftKv.Cli.Commands.Text;

/// <summary>A size for people, in steps of a thousand: "25 kB", "1.5 GB".</summary>
internal static class ByteSize
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    public static string Of(long bytes)
    {
        if (bytes < 10)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
        }

        var step = (int)Math.Floor(Math.Log(bytes) / Math.Log(1000));
        var size = Math.Floor((bytes / Math.Pow(1000, step) * 10) + 0.5) / 10;
        return size.ToString(size < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + " " + Units[step];
    }
}
