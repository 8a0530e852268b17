/* Words of the user in, exit status out. */
#include <stdio.h>

int main(void)
{
    puts("poolscan 0.1.0");
    return 0;
}
