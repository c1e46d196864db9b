using System.Text.Json;

namespace RaftKv.Extensions.Configuration;

/// <summary>The settings as they were last read, in a file: all of them or none.</summary>
internal sealed class LastGoodFile(string path, string prefix)
{
    private const string PrefixName = "prefix";
    private const string SettingsName = "settings";

    public void Save(IReadOnlyDictionary<string, string> settings)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);

        // Instances of one program may share the file, and each must find a whole one.
        var next = $"{full}.{Guid.NewGuid():n}";
        try
        {
            using (var file = new FileStream(next, OwnersAlone()))
            {
                Write(file, settings);
                file.Flush(flushToDisk: true);
            }

            File.Move(next, full, overwrite: true);
        }
        catch
        {
            File.Delete(next);
            throw;
        }
    }

    /// <returns>Null: there is none.</returns>
    /// <exception cref="InvalidDataException">What is there is no such file, or one of other settings.</exception>
    public Dictionary<string, string>? Read()
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement.GetProperty(PrefixName).GetString() is var found && found != prefix)
            {
                throw new InvalidDataException($"'{path}' holds the settings under '{found}', not those under '{prefix}'.");
            }

            return document.RootElement.GetProperty(SettingsName).EnumerateObject().ToDictionary(one => one.Name, one => one.Value.GetString()!);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is no file of settings: {e.Message}", e);
        }
    }

    private static FileStreamOptions OwnersAlone()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private void Write(Stream to, IReadOnlyDictionary<string, string> settings)
    {
        using var writer = new Utf8JsonWriter(to, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteString(PrefixName, prefix);
        writer.WriteStartObject(SettingsName);
        foreach (var (key, value) in settings)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
