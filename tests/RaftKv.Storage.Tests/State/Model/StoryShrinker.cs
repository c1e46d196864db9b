using System.Text;

namespace RaftKv.Storage.Tests.State.Model;

/// <summary>Makes a story that fails smaller: takes parts out, ever smaller ones, as long as it fails in the same way.</summary>
internal static class StoryShrinker
{
    public static List<StateStep> Shrink(List<StateStep> steps, Func<IReadOnlyList<StateStep>, Exception?> whatFails, int tries = 600)
    {
        var kind = whatFails(steps)!.GetType();
        var size = steps.Count / 2;
        while (size >= 1)
        {
            var isSmaller = false;
            for (var start = steps.Count - size; start >= 0 && tries > 0; start -= size)
            {
                tries--;
                List<StateStep> fewer = [.. steps[..start], .. steps[(start + size)..]];
                if (whatFails(fewer)?.GetType() == kind)
                {
                    steps = fewer;
                    isSmaller = true;
                }
            }

            // Single steps are tried again while that helps.
            size = isSmaller && size == 1 && tries > 0 ? 1 : size / 2;
        }

        return steps;
    }

    public static string Describe(IReadOnlyList<StateStep> steps)
    {
        var text = new StringBuilder();
        for (var i = 0; i < steps.Count; i++)
        {
            var step = $"{steps[i]}";
            text.AppendLine($"{i + 1,4}  {(step.Length > 300 ? step[..300] + " …" : step)}");
        }

        return text.ToString();
    }
}
